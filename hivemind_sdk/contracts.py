"""The contracts that plugin objects satisfy. With `hooks`, this is all that a plugin author imports.

Every Protocol here says what is called, from which thread, and which errors may come out. `hivemind_sdk.testing` holds
any implementation to it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any, Protocol, runtime_checkable

from .cascade import Select
from .messages import BusMessage, HiveMessage, HiveMessageType, JSONObject
from .settings import Credentials, Endpoint, Limits, TLSSettings

Frame = str | bytes
"""what travels: a text frame or a binary one"""


class Role(str, Enum):
    """Which end of the link this is."""

    SATELLITE = "satellite"
    HUB = "hub"


# --- transports -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dial:
    """All that a transport needs to open one link. Where the token goes (query, header, topic) is its own business."""

    endpoint: Endpoint
    credentials: Credentials
    useragent: str
    timeout: float
    """seconds for everything until frames can flow: resolve, connect, TLS, upgrade"""
    tls: TLSSettings = TLSSettings()
    proxy: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    keepalive: float = 0.0
    """seconds of silence before a ping of the transport's own; 0: none"""
    keepalive_timeout: float = 10.0
    max_frame: int = 10 * 1024 * 1024

    @property
    def token(self) -> str:
        """The authorization token. A secret."""
        return self.credentials.token(self.useragent)


@dataclass(frozen=True, slots=True)
class TransportFeatures:
    """What a transport can do, so that nothing above has to know its name."""

    ordered: bool = True
    """frames arrive in the order in which they were sent"""
    binary: bool = True
    """bytes frames travel as they are"""
    keepalive: bool = False
    """`receive` notices a dead peer by itself"""
    close_codes: bool = False
    """LinkClosed carries the peer's code and reason"""
    confirms: bool = False
    """`send` returns only when the far end has acknowledged the frame"""
    max_frame: int | None = None
    """largest frame in bytes, where there is a limit"""


@runtime_checkable
class Transport(Protocol):
    """One open link. `receive` is called by one thread, `send` and `close` by any, all at the same time."""

    features: TransportFeatures

    def send(self, frame: Frame) -> None:
        """Hand one frame over. May block while the network is slow. Raises LinkClosed when it can't be sent any more,
        and NotEncodable, with the link unharmed, for text that UTF-8 can't carry.

        Calls from several threads are serialised by the caller.
        """

    def receive(self, timeout: float | None = None) -> Frame:
        """The next frame. Raises LinkTimeout after `timeout` seconds (None: wait for ever), LinkClosed at the end.

        A frame that arrived before the close is still returned. A `close()` from another thread ends it at once.
        MalformedFrame for a text frame that is not UTF-8: the link goes on. LimitExceeded for a frame above
        `Dial.max_frame`, of which little is read: the link has been closed.
        """

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        """End the link, within `timeout` seconds. Any thread, any number of times; raises nothing.

        What was handed to `send` before still goes out, as far as the time allows. Codes as in RFC 6455: 1005 ends
        without a code, 1006 just drops the link; the other end's LinkClosed has the same.
        """


class TransportConnector(Protocol):
    """What a TransportPlugin creates: one for each client."""

    def connect(self, dial: Dial) -> Transport:
        """Open a link. Raises Unreachable, LinkTimeout(phase=...), LinkClosed, or AuthenticationRefused."""


# --- ciphers and other primitives -------------------------------------------------------------------------------


class Aead(Protocol):
    """A cipher with its key. Any thread."""

    def encrypt(self, nonce: bytes, plaintext: bytes, associated_data: bytes = b"") -> bytes:
        """-> ciphertext with the 16-byte tag at its end"""

    def decrypt(self, nonce: bytes, ciphertext: bytes, associated_data: bytes = b"") -> bytes:
        """Raises DecryptionError, and then hands out nothing, when the tag does not fit."""


class Cipher(Protocol):
    """A raw AEAD. Envelope and Noise choose the nonces, so no cipher can reuse one.

    AES-GCM takes nonces of 16 bytes (v1/v2 links) and of 12 (Noise); CHACHA20-POLY1305 of 12.
    """

    def bind(self, key: bytes) -> Aead:
        """Raises InvalidKeySize for a key of another length than the record states."""


@dataclass(frozen=True, slots=True)
class RSAKeyPair:
    """PEM texts: the private key in PKCS#1 form, the public one as SubjectPublicKeyInfo."""

    private: str = field(repr=False)
    public: str


class RSA(Protocol):
    """The primitive `RSA`. Keys are PEM texts. Raises IdentityError for a PEM that is none."""

    def generate(self, bits: int = 2048) -> RSAKeyPair: ...

    def public(self, private_pem: str) -> str:
        """The public key that belongs to this private one."""

    def size(self, pem: str) -> int:
        """The modulus in bytes: the length of signatures and ciphertexts."""

    def encrypt(self, public_pem: str, plaintext: bytes) -> bytes:
        """RSAES-OAEP, SHA-1, MGF1-SHA-1, empty label (wire.md section 5.6)."""

    def decrypt(self, private_pem: str, ciphertext: bytes) -> bytes:
        """Raises DecryptionError."""

    def sign(self, private_pem: str, data: bytes) -> bytes:
        """RSASSA-PSS, SHA-256, MGF1-SHA-256, 32 bytes of salt."""

    def verify(self, public_pem: str, data: bytes, signature: bytes) -> bool: ...


class X25519(Protocol):
    """The primitive `X25519` (RFC 7748). All keys are 32 raw bytes."""

    def public(self, private: bytes) -> bytes:
        """The public key that belongs to this private one."""

    def shared(self, private: bytes, public: bytes) -> bytes:
        """The 32-byte secret of the two. Raises MalformedFrame for a public key of low order, or of another length."""


class Argon2id(Protocol):
    """The primitive `ARGON2ID` (RFC 9106, version 0x13). Slow on purpose: call it from a Compute."""

    def derive(
        self, password: bytes, salt: bytes, *, time_cost: int, memory_kib: int, parallelism: int, size: int
    ) -> bytes:
        """-> `size` bytes. Raises HandshakeError where the memory is not to be had."""


class Crypto(Protocol):
    """The ciphers and primitives that are installed, one provider chosen for each name. Made of nothing until asked."""

    @property
    def cipher_names(self) -> tuple[str, ...]:
        """Wire names in order of preference."""

    def cipher(self, name: str) -> Cipher:
        """Raises InvalidCipher."""

    def nonce_size(self, name: str) -> int:
        """Bytes of nonce that the v1/v2 envelope uses with this cipher. Raises InvalidCipher."""

    def primitive(self, name: str) -> Any:
        """`RSA` -> an RSA, `X25519` -> X25519, `ARGON2ID` -> Argon2id, `NOISE` -> Noise. Raises PluginMissing."""


# --- sessions and handshakes ------------------------------------------------------------------------------------


class Form(IntEnum):
    """What a sealed plaintext is."""

    TEXT = 0
    """UTF-8 JSON text of a HiveMessage"""
    BINARY = 1
    """a binary frame (wire.md section 4)"""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What was negotiated: for people, tests and observers. Holds no secret."""

    protocol: int
    """0 pre-shared key, 1 RSA, 2 password, 3 Noise"""
    handshake: str
    cipher: str
    encoding: str = ""
    binarize: bool = False
    """both sides read binary frames of every type"""
    pattern: str = ""
    suite: str = ""
    hub_key: str = ""
    """fingerprint of the hub's static key, where it proved one"""
    warnings: tuple[str, ...] = ()


class Session(Protocol):
    """The life of a key on one link, handed over by a handshake. Stateful where the protocol is (Noise).

    `seal` is called under the caller's send lock, so that the order of sealing is the order on the wire; `open` by the
    reading thread alone. One of each may run at the same time.
    """

    info: SessionInfo

    def seal(self, form: Form, plaintext: bytes) -> list[Frame]:
        """-> the frames to send, in order"""

    def open(self, frame: Frame) -> tuple[Form, bytes] | None:
        """-> a complete plaintext; None while more chunks are needed.

        Raises DecryptionError, MalformedFrame, or UnexpectedFrame (in clear, where all must be sealed) for a frame
        to be
        dropped; SessionBroken where the session can't go on.
        """


class NoiseCipher(Protocol):
    """One direction of a Noise transport: one key, one counter."""

    def encrypt(self, plaintext: bytes) -> bytes: ...

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Raises DecryptionError."""


class NoiseState(Protocol):
    """One Noise handshake, of either role. Dead after the first error."""

    @property
    def finished(self) -> bool: ...

    @property
    def remote_static(self) -> bytes:
        """The peer's static public key, 32 bytes; b"" until it is known."""

    @property
    def handshake_hash(self) -> bytes: ...

    def write(self, payload: bytes) -> bytes:
        """Our next message."""

    def read(self, message: bytes) -> bytes:
        """The peer's next message -> its payload. Raises MalformedFrame, DecryptionError."""

    def split(self) -> tuple[NoiseCipher, NoiseCipher]:
        """-> the cipher that we send with, the one that we receive with."""


class Noise(Protocol):
    """The primitive `NOISE`: the state machine below the handshake, for whoever brings all keys along (vectors)."""

    def begin(
        self,
        crypto: Crypto,
        pattern: str,
        suite: str,
        *,
        initiator: bool,
        prologue: bytes,
        static: bytes,
        psk: bytes,
        random: Callable[[int], bytes],
        remote_static: bytes | None = None,
    ) -> NoiseState:
        """`static`: our private key; `random` draws the ephemeral one. Raises LocalProtocolError for unknown names."""

    def session(self, state: NoiseState, role: Role, reassembly: int) -> Session:
        """The transport of a finished handshake. `reassembly`: the most bytes of one message."""


@dataclass(frozen=True, slots=True)
class Send:
    """Yielded by a handshake: send a HANDSHAKE with this payload; the peer's next HANDSHAKE payload is the result.

    None sends nothing and only waits: for the next payload, after one that was not an answer (a repeated offer).
    """

    payload: JSONObject | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Compute:
    """Yielded by a handshake: slow work (key derivation). It runs off the engine; what it returns is the result."""

    work: Callable[[], Any] = field(repr=False)
    what: str = "key derivation"


@dataclass(frozen=True, slots=True)
class Established:
    """Returned by a handshake: the session; and a last HANDSHAKE payload to send first, where the protocol has one."""

    session: Session
    send: JSONObject | None = field(default=None, repr=False)
    confirm_within: float = 0.0
    """seconds in which the hub may still refuse; READY waits for its first frame, or for so long"""
    probe: HiveMessage | None = None
    """a message without effect that makes a hub which agrees say something, so that the wait is short"""


HandshakeScript = Generator[Send | Compute, Any, Established]
"""A handshake, written as a generator: `reply = yield Send({...})`, `key = yield Compute(work)`, `return
Established(session)`.
Raises HandshakeError (this attempt), AuthenticationRefused (final) or RemoteProtocolError (malformed payload). Where
the link
ends while it waits it gets GeneratorExit, and may raise a HandshakeError in its place (`retry`: a new connection at
once)."""


@dataclass(frozen=True, slots=True)
class Declined:
    """A handshake that can't be used with this offer, and why, for the user.

    `warning`: what the user is to know if another handshake is used in its place (SessionInfo.warnings).
    """

    reason: str
    warning: str = ""


class NodeState(Protocol):
    """What a node remembers between links: pins, caches, keys. Reading what is absent gives None.

    Raises IdentityReadOnly on writing where no backend can be written.
    """

    def read(self, key: str) -> Any:
        """A field of the identity (`pinned_noise_keys`, ...)."""

    def write(self, key: str, value: Any) -> None:
        """Stored before it returns. None removes the field."""

    def read_secret(self, name: str) -> str | None:
        """A key file beside the identity (`noise.key`, `private.pem`)."""

    def write_secret(self, name: str, text: str | None) -> None:
        """Stored, mode 0600, before it returns. None removes it."""


@dataclass(frozen=True, slots=True)
class HandshakeContext:
    """All that a handshake may look at."""

    role: Role
    authority: str
    """`host:port` of the hub, under which it is pinned"""
    hello: JSONObject
    """the hub's HELLO payload, as parsed from (or sent on) the wire"""
    offer: JSONObject
    """the hub's offer, the same"""
    credentials: Credentials
    crypto: Crypto
    state: NodeState
    private_key: str | None = field(default=None, repr=False)
    """our RSA key, PEM"""
    public_key: str | None = None
    ciphers: tuple[str, ...] = ()
    """wire names in our order of preference; a hub: those it allows"""
    encodings: tuple[str, ...] = ()
    binarize: bool | None = False
    """whether we want binary frames for all types; None: where the handshake knows that they do no harm"""
    """we can and want to use binary frames"""
    limits: Limits = Limits()
    random: Callable[[int], bytes] = field(default=lambda size: __import__("os").urandom(size), repr=False)


class Handshake(Protocol):
    """One way to agree on a session; one instance for each client, so it may remember how its last attempt ended."""

    def satellite(self, context: HandshakeContext) -> HandshakeScript | Declined:
        """Our side of it after HELLO and offer have come. Declined without any work where the offer does not allow
        it."""

    def hub(self, context: HandshakeContext, first: JSONObject) -> HandshakeScript | Declined:
        """The hub's side (the embedded one's), from the satellite's first HANDSHAKE payload on.

        Also called right after the offer, with `first` == {}: a handshake that needs no frames (pre-shared key) returns
        its Established at once then; all others are Declined.
        """

    def offer(self, context: HandshakeContext) -> JSONObject:
        """The keys that the hub's offer has for this handshake; `context.offer` is what others have put there."""


# --- message-type handlers --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Action: send this message to the other end of the link."""

    message: HiveMessage


@dataclass(frozen=True, slots=True)
class Deliver:
    """Action: inject this bus message into the local bus. `signer`: PEM of a verified end-to-end signer."""

    message: BusMessage
    signer: str | None = None


@dataclass(frozen=True, slots=True)
class DeliverBinary:
    """Action: hand a BINARY message to the application's callbacks."""

    message: HiveMessage


@dataclass(frozen=True, slots=True)
class Redispatch:
    """Action: treat the inner message as if it had come by itself. Depth is capped by Limits.redispatch.

    `signer`: PEM of the verified end-to-end signer of the inner message.
    """

    message: HiveMessage
    signer: str | None = None


@dataclass(frozen=True, slots=True)
class Resolve:
    """Action: feed a request that waits under `key`. `final`: nothing more will come for it.

    A key that ends in a colon (`query:`, for an answer that does not say what it answers): the oldest of that kind.
    """

    key: str
    value: Any = None
    final: bool = True


@dataclass(frozen=True, slots=True)
class Wake:
    """Action: call this handler's `wake(key, ...)` after `delay` seconds. The same key again replaces the earlier
    one."""

    key: str
    delay: float


@dataclass(frozen=True, slots=True)
class Announced:
    """Action: a node of the hive has announced itself (a PING, with the route that it took); for the hive map."""

    ping: HiveMessage


@dataclass(frozen=True, slots=True)
class Drop:
    """Action: the message was not acted on; counted under `reason` (a short constant) and told to observers."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Consume:
    """Action: handlers after this one in the chain do not see the message."""


@dataclass(frozen=True, slots=True)
class Run:
    """Action: call this application's code off the reader's thread and outside of every lock; then do what it returns.

    That may be any action but Redispatch, Wake and Consume. `name` is for the log, should it raise.
    """

    name: str
    work: Callable[[], Iterable[Action]] = field(repr=False)


Action = SendMessage | Deliver | DeliverBinary | Redispatch | Resolve | Announced | Wake | Run | Drop | Consume


@dataclass(frozen=True, slots=True)
class HandlerContext:
    """What a handler may look at. A snapshot: handlers change nothing, they return actions."""

    now: float
    """monotonic seconds"""
    role: Role
    site_id: str
    peer: str
    """how this node calls itself: `name::session_id`"""
    session_id: str
    hub_id: str
    """`node_id` of the hub's HELLO"""
    hub_key: str | None = None
    """the hub's RSA public key, PEM"""
    public_key: str | None = None
    private_key: str | None = field(default=None, repr=False)
    trusted_keys: Mapping[str, str] = field(default_factory=dict)
    """alias -> PEM"""
    crypto: Crypto | None = None
    signer: str | None = None
    """PEM of the verified signer, when this message came out of an INTERCOM"""
    outer: tuple[HiveMessage, ...] = ()
    """the messages that this one was inside of, outermost first"""
    wall_time: float = 0.0
    """UNIX seconds"""
    lang: str = "en-us"
    own_floods: Container[str] = ()
    """ids of the floods that this node itself has started"""
    expected_nodes: int = 0
    """how many nodes the hive map knows; 0: unknown"""
    cascade_timeout: float | None = None
    """seconds to gather answers to a cascade, where the user has set it"""
    cascade_select: Select | None = None


class Handler(Protocol):
    """Behaviour for some message types; one instance for each client. Called by the reading thread, never concurrently.

    Several handlers for one type form a chain by rank; each sees the message unless one before it returned Consume.
    A handler that raises is logged, counted and skipped. It must not block.
    """

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]: ...


@runtime_checkable
class WakingHandler(Handler, Protocol):
    """A handler that asked to be woken."""

    def wake(self, key: str, context: HandlerContext) -> Iterable[Action]: ...


# --- identity backends ------------------------------------------------------------------------------------------


class IdentityBackend(Protocol):
    """Where an identity lives. Fields are those of the identity file (wire.md section 11), unknown ones included.

    Any thread. `load` of what does not exist yet gives {}.
    """

    writable: bool
    location: str
    """for people: a path, `environment`, the name of a keyring"""

    def load(self) -> JSONObject:
        """Raises IdentityFileCorrupted; what is stored stays as it was."""

    def save(self, fields: JSONObject) -> None:
        """Replace all fields at once (atomic). Raises IdentityReadOnly, IdentityError."""

    def load_secret(self, name: str) -> str | None:
        """A key that is kept apart from the fields (`private.pem`, `noise.key`). None where there is none."""

    def save_secret(self, name: str, text: str | None) -> str:
        """Store it for this user only; None removes it. -> where it is, for the field that names the file."""


# --- observers --------------------------------------------------------------------------------------------------


class Observer(Protocol):
    """Told what happens, see `hivemind_sdk.observations`. Called from any thread; must be quick; what it raises is
    logged."""

    def observe(self, event: Any) -> None: ...


HandlerTypes = tuple[HiveMessageType, ...]
