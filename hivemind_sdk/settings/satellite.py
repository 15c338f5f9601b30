"""What a satellite is told before it starts: endpoint, credentials, deadlines, limits, preferences. Values only."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from os import PathLike

from .._startup import dataclass, field
from ..delivery import Key, Policy
from ..errors import SettingsError
from . import user_input
from .endpoint import Endpoint
from .plugins import PluginSettings

DEFAULT_USERAGENT = "HiveMindSatelliteSDK"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves who we are. Never logged, never shown by `repr`, never written to an identity.

    Byte order marks and line ends around them are taken off, and blanks around keys. Raises SettingsError for what
    holds several lines or control characters.
    """

    access_key: str = field(default="", repr=False)
    password: str | None = field(default=None, repr=False)
    preshared_key: str | None = field(default=None, repr=False)
    """the v0 text key (16, 24 or 32 characters; wire.md section 5.7)"""
    provisioned_key: str | None = field(default=None, repr=False)
    """what `hivemind-core derive-psk` prints (64 hex digits): in the place of a password, on v3 links only, and for the
    one hub that it was derived for. For devices where deriving it (64 MiB, a second) is too heavy"""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "access_key", user_input.word("access key", self.access_key))
        if self.password is not None:
            put(self, "password", user_input.secret("password", self.password))
        if self.preshared_key is not None:
            put(self, "preshared_key", user_input.secret("pre-shared key", self.preshared_key))
        if self.provisioned_key is not None:
            put(self, "provisioned_key", user_input.hex_key("provisioned key", self.provisioned_key, 32))

    def token(self, useragent: str) -> str:
        """The authorization token: base64 of `useragent:access_key` (wire.md section 2.1)."""
        check_useragent(useragent)
        return base64.b64encode(f"{useragent}:{self.access_key}".encode()).decode()


def check_useragent(useragent: str) -> str:
    """Refuse a useragent that some hub would read wrongly (wire.md section 2.1)."""
    if not re.fullmatch(r"[ -9;-=?-}]{1,200}", useragent):
        raise SettingsError(
            f"useragent {useragent!r} can't be used",
            hint="use 1 to 200 printable ASCII characters without ':', '>' and '~'",
        )
    return useragent


@dataclass(frozen=True, slots=True)
class TLSSettings:
    """How a hub's certificate is judged. `pin` is the SHA-256 of the DER certificate, as openssl prints it or in hex.

    `ca`: a file with PEM certificates, read when a satellite is made and at each attempt. Raises SettingsError for a
    pin that is none.
    """

    verify: bool = True
    ca: str | None = None
    pin: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.ca, PathLike):
            object.__setattr__(self, "ca", str(self.ca))
        user_input.check_types(self)
        if self.pin:
            object.__setattr__(self, "pin", user_input.sha256_pin(self.pin))


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds for each phase of a link's life."""

    connect: float = 10.0
    """resolve, TCP, TLS and upgrade together"""
    hello: float = 10.0
    """from the upgrade to the hub's HELLO and offer"""
    handshake: float = 30.0
    """from the offer to READY, our own key derivation included"""
    send: float = 10.0
    """that `emit` waits for its turn, and that the network may take nothing of a frame before the link is given up"""
    close: float = 5.0
    keepalive: float = 25.0
    """seconds of silence before a transport-level ping; 0 switches it off"""
    keepalive_timeout: float = 10.0

    def __post_init__(self) -> None:
        user_input.check_types(self)
        user_input.check_numbers(self, zero=("send", "close", "keepalive"))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a peer, or its absence, may make us hold. Bytes unless said otherwise."""

    frame: int = 10 * 1024 * 1024
    inflated: int = 16 * 1024 * 1024
    """of a binary frame, when it is decompressed"""
    depth: int = 64
    """nesting of JSON"""
    route: int = 256
    """hops that a route may have"""
    values: int = 200_000
    """commas and brackets that the JSON of a message may have: each may cost 100 bytes of memory"""
    reassembly: int = 16 * 1024 * 1024
    """of a message that comes in several frames (v3)"""
    decrypt_failures: int = 8
    """in a row, on a v1/v2 link, before it is closed"""
    redispatch: int = 8
    """messages inside messages that handlers may open"""
    requests: int = 1000
    """`ask`, `query`, `cascade` and `ping` that may wait at once"""
    answers: int = 10_000
    """to one of them that may wait to be taken; more end it"""
    floods: int = 1000
    """ids of floods that are remembered; those that were answered are an option of the plugin `mesh`"""
    outbox_messages: int = 1000
    """messages that wait to be sent, or to be confirmed"""
    outbox_bytes: int = 8 * 1024 * 1024
    outbox_unconfirmed: int = 32
    """durable messages that may be on their way, sent and not confirmed: so many come twice when a link is lost"""

    def __post_init__(self) -> None:
        user_input.check_types(self)
        user_input.check_numbers(self, zero=("redispatch", "outbox_messages", "outbox_bytes"))


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between attempts: full jitter below `first * 2**n`, capped, reset after the link has held for
    `reset_after`.
    """

    first: float = 1.0
    cap: float = 60.0
    reset_after: float = 30.0
    prompt: bool = True
    """try before the time is up, at a bounded pace, when a message waits to be sent, the network has changed, or a
    hub's port answers that did not before"""

    def __post_init__(self) -> None:
        user_input.check_types(self)
        user_input.check_numbers(self, zero=("first", "cap", "reset_after", "prompt"))


@dataclass(frozen=True, slots=True)
class Callbacks:
    """How the application's callbacks run."""

    workers: int | None = None
    """threads of this satellite's own, and no others; None: the link's thread while they are quick, and those that the
    satellites of this process share, eight at most"""
    hang_after: float = 30.0
    """seconds after which one that has not returned is reported; 0: never"""
    waiting: int = 10_000
    """calls that may wait; what comes then, while none gets done, is dropped and counted"""
    waiting_bytes: int = 2 * 1024 * 1024
    """of the messages that wait for one callback; more are dropped and counted, but for one that waits alone"""

    def __post_init__(self) -> None:
        user_input.check_types(self)
        user_input.check_numbers(self, zero=("hang_after", "waiting_bytes"))


@dataclass(frozen=True, slots=True)
class Upstream:
    """One hub: where it is, who we are there, how its certificate is judged. None: as at the preferred hub."""

    endpoint: Endpoint
    credentials: Credentials | None = None
    tls: TLSSettings | None = None

    @classmethod
    def of(cls, hub: Upstream | str) -> Upstream:
        """One as it is; an address, see Endpoint.parse, as a hub that knows us as the preferred one does."""
        return cls(Endpoint.parse(hub)) if isinstance(hub, str) else hub

    def __post_init__(self) -> None:
        user_input.check_types(self)


@dataclass(frozen=True, slots=True)
class Failover:
    """When a satellite that has several hubs goes back to a better one. Seconds."""

    return_after: float = 60.0
    """on a fallback, before the better hubs are probed, and between probes; spread over its second half.
    0: it stays"""
    wait_for_requests: float = 30.0
    """that going back waits for requests whose answer has not come"""

    def __post_init__(self) -> None:
        user_input.check_types(self)
        user_input.check_numbers(self, zero=("return_after", "wait_for_requests"))


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a Satellite is built from. Every field has a default but the endpoint and the credentials."""

    endpoint: Endpoint
    credentials: Credentials
    useragent: str = DEFAULT_USERAGENT
    site_id: str | None = None
    session_id: str | None = None
    """None: a UUID4 for each satellite"""
    ciphers: tuple[str, ...] = ()
    """wire names in order of preference; empty: every one that is installed, by rank"""
    encodings: tuple[str, ...] = ("JSON-B64", "JSON-URLSAFE-B64", "JSON-HEX", "JSON-B32", "JSON-B91", "JSON-Z85B")
    """text encodings in order of preference (wire.md section 6.4)"""
    handshakes: tuple[str, ...] = ()
    """names in order of preference; empty: highest protocol version first"""
    handlers: tuple[str, ...] | None = None
    """names of the message-type handlers to use; None: every one that is installed"""
    transport: str | None = None
    """name of a transport to use whatever the scheme says; None: the one that serves the endpoint's scheme"""
    identity: str | tuple[str, ...] = "file"
    """name of the identity backend that remembers pins and keys; of several, the first that has a field wins, and the
    first that can be written takes what is to be remembered"""
    app: str | None = None
    """one identity for each application; None: the shared one"""
    min_protocol: int = 0
    """3 insists on Noise: a hub, or somebody in between, that does not offer it is refused"""
    max_protocol: int = 3
    """the user's own choice: 2 keeps to the password even where the hub is pinned"""
    binarize: bool = False
    """binary frames for all types where the hub offers them: hivemind-core 4.15 and 5.3 then close the link when they
    answer a QUERY or a CASCADE, and 4.6 mangles INTERCOM. BINARY messages are binary in any case"""
    compress: bool | None = None
    """binary frames: always, never, or (None) by link and size. On links of protocol 0 to 2 that is always: hubs of
    4.0.0 read nothing else. On newer ones where it pays: not to a hub on this machine, and not what fits in a packet"""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy: str | None = field(default=None, repr=False)
    """http://[user:password@]host:port of an HTTP proxy"""
    tls: TLSSettings = TLSSettings()
    deadlines: Deadlines = Deadlines()
    limits: Limits = Limits()
    backoff: Backoff = Backoff()
    delivery: Mapping[Key, Policy] = field(default_factory=dict)
    """what becomes of messages that can't be sent at once, by the type of the bus message, of the message, or of its
    bytes; on top of delivery.DEFAULTS"""
    durable: str | None = None
    """a file for what is emitted with Queue(durable=True): messages in it survive a crash. One satellite for each file.
    It holds payloads, and is readable for its owner alone"""
    reconnect: bool = True
    retry_refused: bool = False
    """whether a hub that refused is tried again, with back-off: for hubs that will come to know us later"""
    fallbacks: tuple[Upstream, ...] = ()
    """hubs to go to, in this order, while the endpoint's can't be reached"""
    failover: Failover = Failover()
    callbacks: Callbacks = Callbacks()
    plugins: PluginSettings | None = None
    """None: what the config file and the environment say"""

    def __post_init__(self) -> None:
        if isinstance(self.durable, (str, PathLike)):
            object.__setattr__(self, "durable", str(user_input.user_path(self.durable, "durable")))
        user_input.check_types(self)
        check_useragent(self.useragent)
        user_input.check_headers(self.headers)
        if self.proxy:
            from .proxy import Proxy

            Proxy.parse(self.proxy)
        for what in ("site_id", "session_id"):
            user_input.secret(what, getattr(self, what) or "")
        for what in ("encodings", "identity"):
            if not getattr(self, what):
                raise SettingsError(f"Settings.{what} names none", hint="leave it out for the default")
        if not self.credentials.access_key:
            raise SettingsError("no access key was given", hint="pass key=..., or run `hivemind-client set-identity`")
        if not 0 <= self.min_protocol <= self.max_protocol:
            raise SettingsError(
                f"no protocol is allowed: min_protocol is {self.min_protocol}, max_protocol {self.max_protocol}",
                hint="0 pre-shared key, 1 RSA, 2 password, 3 Noise",
            )

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """All hubs, the preferred one first."""
        return (Upstream(self.endpoint), *self.fallbacks)
