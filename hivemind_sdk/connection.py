"""One link, sans I/O: frames in, events and frames out. Knows no socket, no thread, no clock, no plugin by name.

    link.start()                       a hub's end: greet
    link.receive(frame) -> [events]    what was learned from a frame
    link.resume(result) -> [events]    the result of the slow work that a ComputeNeeded event asked for
    link.send(message)                 seal a message
    link.frames_to_send() -> [frames]  what must be written now, in this order

What can survive is an event (Discarded); what ends the link is raised: HandshakeError, AuthenticationRefused,
NoCommonHandshake, SessionBroken. After that the object is dead; a new link needs a new one.

`receive`/`resume` belong to the reading thread. Once the link is secured they never produce frames, so that `send` and
`frames_to_send`, under one lock, are the order on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

from .codec import can_be_binary, decode_binary, decode_text, encode_binary, encode_text, message_from_object
from .contracts import (
    Compute,
    Declined,
    Established,
    Form,
    Frame,
    Handshake,
    HandshakeContext,
    HandshakeScript,

    Send,
    Session,
    SessionInfo,
)
from .errors import (
    AuthenticationRefused,
    DecryptionError,
    HandshakeError,
    HiveMindError,
    LimitExceeded,
    MetadataTooLarge,
    NoCommonHandshake,
    NotConnected,
    RemoteProtocolError,
    SessionBroken,
    UnexpectedFrame,
)
from .jsontext import loads
from .messages import SETUP_TYPES, HiveMessage, HiveMessageType, JSONObject
from .settings import Limits

_HELLO, _HANDSHAKE, _BINARY = HiveMessageType.HELLO, HiveMessageType.HANDSHAKE, HiveMessageType.BINARY


# --- events -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Greeted:
    """The other side's HELLO payload. A satellite gets it in clear, a hub over the session."""

    hello: JSONObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class ComputeNeeded:
    """Run `work()` off the engine, then call `resume` with what it returned, or `resume_error` with what it raised."""

    work: Callable[[], Any] = field(repr=False)
    what: str


@dataclass(frozen=True, slots=True)
class LinkSecured:
    """A session is agreed; messages may be sent. The hub may still refuse within `confirm_within` seconds."""

    info: SessionInfo
    confirm_within: float
    probe: HiveMessageType | None = None
    """the type of the hub's answer that only confirms, and means nothing else"""


@dataclass(frozen=True, slots=True)
class Received:
    """A message, complete and authenticated."""

    message: HiveMessage


@dataclass(frozen=True, slots=True)
class Discarded:
    """A frame that was not used. `reason` is a short constant to count by."""

    reason: str
    detail: str = ""


Event = Greeted | ComputeNeeded | LinkSecured | Received | Discarded


# --- what a link is made of ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NamedHandshake:
    """A handshake with the name and the protocol version that its record states."""

    name: str
    protocol: int
    handshake: Handshake


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """What both ends need to know before the first frame."""

    handshakes: Sequence[NamedHandshake]
    """in order of preference"""
    context: HandshakeContext
    """with hello and offer still empty, on a satellite; the ones to be sent, on a hub"""
    hello: JSONObject = field(default_factory=dict)
    """a satellite's HELLO, sent as the first message of the session"""
    min_protocol: int = 0
    max_protocol: int = 3
    compress: bool | None = True

    @property
    def limits(self) -> Limits:
        return self.context.limits

    def allowed(self) -> list[NamedHandshake]:
        return [one for one in self.handshakes if self.min_protocol <= one.protocol <= self.max_protocol]


class Phase(Enum):
    """Where the link is, between its first frame and its session."""

    GREETING = auto()
    """satellite: waits for HELLO"""
    OFFER = auto()
    """satellite: waits for the offer; hub: waits for the first HANDSHAKE"""
    AGREEING = auto()
    """a handshake waits for the peer's next HANDSHAKE"""
    COMPUTING = auto()
    """a handshake waits for `resume`"""
    ESTABLISHED = auto()
    DEAD = auto()


class Kind(Enum):
    """What a frame turns out to be at first sight."""

    SEALED = auto()
    HELLO = auto()
    HANDSHAKE = auto()
    CLEAR = auto()
    """any other message in clear"""


class Link:
    """The shared half of both ends: frames, phases, the running handshake, the session."""

    _first_phase: Phase
    _table: dict[tuple[Phase, Kind], Callable[[Any, Any], list[Event]]]

    def __init__(self, config: LinkConfig) -> None:
        self._config = config
        self._limits = config.limits
        self._phase = self._first_phase
        self._out: list[Frame] = []
        self._script: HandshakeScript | None = None
        self._session: Session | None = None
        self._binarize = False
        self._failures = 0

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def info(self) -> SessionInfo | None:
        return self._session.info if self._session else None

    def receive(self, frame: Frame) -> list[Event]:
        """One frame from the transport -> what was learned. Raises what ends the link."""
        if self._phase is Phase.ESTABLISHED:
            return self._open(frame)
        try:
            kind, content = self._classify(frame)
        except RemoteProtocolError as error:
            return [_discarded("malformed frame", error)]
        act = self._table.get((self._phase, kind))
        if act is None:
            return [Discarded(*self._out_of_turn(kind))]
        return act(self, content)

    def send(self, message: HiveMessage) -> None:
        """Seal a message; `frames_to_send` has the frames. Raises NotConnected, NotEncodable."""
        session = self._session
        if session is None or self._phase is not Phase.ESTABLISHED:
            raise NotConnected("the link is not secured yet", hint="wait until the state is READY")
        form, plaintext = self._encode(message)
        self._out.extend(session.seal(form, plaintext))

    def frames_to_send(self) -> list[Frame]:
        """Take what must be written now."""
        frames, self._out = self._out, []
        return frames

    def resume(self, result: Any) -> list[Event]:
        """The slow work is done."""
        return self._advance(lambda script: script.send(result))

    def resume_error(self, error: Exception) -> list[Event]:
        """The slow work raised."""
        return self._advance(lambda script: script.throw(error))

    def close(self) -> HiveMindError | None:
        """The transport is gone. A handshake that still waits learns of it as GeneratorExit, and may raise what it makes
        of that (a HandshakeError that says `retry`): returned here, for the caller to take for the cause."""
        self._phase = Phase.DEAD
        script, self._script = self._script, None
        try:
            if script is not None:
                script.close()
        except HiveMindError as verdict:
            return verdict
        return None

    # --- frames ---

    def _classify(self, frame: Frame) -> tuple[Kind, Any]:
        if len(frame) > self._limits.frame:
            raise LimitExceeded(f"a frame of {len(frame)} exceeds the limit of {self._limits.frame}")
        if isinstance(frame, bytes):
            return Kind.SEALED, frame
        value = loads(frame, depth=self._limits.depth)
        if isinstance(value, dict) and "ciphertext" in value and "msg_type" not in value:
            return Kind.SEALED, frame
        message = message_from_object(value, self._limits)
        kind = _KINDS.get(message.msg_type, Kind.CLEAR)
        return kind, message

    def _out_of_turn(self, kind: Kind) -> tuple[str, str]:
        if kind is Kind.SEALED:
            return "sealed too early", f"in phase {self._phase.name}"
        return "out of turn", f"{kind.name} in phase {self._phase.name}"

    def _encode(self, message: HiveMessage) -> tuple[Form, bytes]:
        if message.msg_type is _BINARY or (self._binarize and can_be_binary(message)):
            try:
                return Form.BINARY, encode_binary(message, compress=self._config.compress)
            except MetadataTooLarge:
                if message.msg_type is _BINARY:
                    raise
        return Form.TEXT, encode_text(message).encode()

    def _open(self, frame: Frame) -> list[Event]:
        session = self._session
        if session is None:
            raise NotConnected("there is no session")
        try:
            if len(frame) > self._limits.frame:
                raise LimitExceeded(f"a frame of {len(frame)} exceeds the limit of {self._limits.frame}")
            opened = session.open(frame)
        except SessionBroken:
            self.close()
            raise
        except DecryptionError as error:
            return self._undecryptable(error)
        except UnexpectedFrame as error:
            return [_discarded("cleartext", error)]
        except RemoteProtocolError as error:
            return [_discarded("malformed frame", error)]
        self._failures = 0
        if opened is None:
            return []
        form, plaintext = opened
        try:
            message = _DECODERS[form](plaintext, self._limits)
        except RemoteProtocolError as error:
            return [_discarded("malformed message", error)]
        if message.msg_type in SETUP_TYPES:
            return self._setup_message(message)
        return [Received(message)]

    def _setup_message(self, message: HiveMessage) -> list[Event]:
        return [Discarded("out of turn", f"{message.msg_type.value} on an established session")]

    def _undecryptable(self, error: DecryptionError) -> list[Event]:
        self._failures += 1
        if self._failures >= self._limits.decrypt_failures:
            self.close()
            raise SessionBroken(
                f"{self._failures} frames in a row failed to decrypt", hint="hub and satellite hold different keys"
            )
        return [_discarded("undecryptable", error)]

    # --- the handshake ---

    def _run(self, script: HandshakeScript) -> list[Event]:
        self._script = script
        return self._advance(next)

    def _reply(self, message: HiveMessage) -> list[Event]:
        payload = message.payload
        return self._advance(lambda script: script.send(payload))

    def _advance(self, step: Callable[[HandshakeScript], Send | Compute]) -> list[Event]:
        script = self._script
        if script is None:
            raise HandshakeError("no handshake is running")
        try:
            request = step(script)
        except StopIteration as stop:
            self._script = None
            return self._secure(stop.value)
        except RemoteProtocolError as error:
            self.close()
            raise HandshakeError(f"the peer's handshake is malformed: {error}", hint=error.hint) from error
        except HiveMindError:
            self.close()
            raise
        if isinstance(request, Compute):
            self._phase = Phase.COMPUTING
            return [ComputeNeeded(request.work, request.what)]
        self._phase = Phase.AGREEING
        if request.payload is not None:
            self._send_clear(_HANDSHAKE, request.payload)
        return []

    def _secure(self, established: Established) -> list[Event]:
        if established.send is not None:
            self._send_clear(_HANDSHAKE, established.send)
        self._session = established.session
        self._binarize = established.session.info.binarize
        self._phase = Phase.ESTABLISHED
        probe = established.probe.msg_type if established.probe is not None else None
        return [LinkSecured(established.session.info, established.confirm_within, probe)]

    def _send_clear(self, kind: HiveMessageType, payload: JSONObject) -> None:
        self._out.append(encode_text(HiveMessage(kind, payload)))

    def _choose(self, ask: Callable[[Handshake], HandshakeScript | Declined]) -> HandshakeScript:
        declined = []
        for one in self._config.allowed():
            answer = ask(one.handshake)
            if not isinstance(answer, Declined):
                return answer
            declined.append(f"{one.name}: {answer.reason}")
        for one in self._config.handshakes:
            if one not in self._config.allowed():
                declined.append(
                    f"{one.name}: protocol {one.protocol} is outside of the allowed "
                    f"{self._config.min_protocol} to {self._config.max_protocol}"
                )
        raise NoCommonHandshake(
            "no handshake that both sides can do (" + ("; ".join(declined) or "none is installed") + ")",
            hint="check the password, min_protocol/max_protocol and `hivemind-client plugins list`",
        )


class SatelliteLink(Link):
    """The satellite's end: waits for HELLO and the offer, picks a handshake, sends its own HELLO over the session."""

    _first_phase = Phase.GREETING

    def _greet(self, message: HiveMessage) -> list[Event]:
        hello = message.payload
        self._config = replace(self._config, context=replace(self._config.context, hello=hello))
        self._phase = Phase.OFFER
        return [Greeted(hello)]

    def _offered(self, message: HiveMessage) -> list[Event]:
        context = replace(self._config.context, offer=message.payload)
        try:
            script = self._choose(lambda handshake: handshake.satellite(context))
        except HiveMindError:
            self.close()
            raise
        return self._run(script)

    def _secure(self, established: Established) -> list[Event]:
        events = super()._secure(established)
        hello = encode_text(HiveMessage(_HELLO, self._config.hello))
        self._out.extend(established.session.seal(Form.TEXT, hello.encode()))
        if established.probe is not None:
            self.send(established.probe)
        return events

    _table = {
        (Phase.GREETING, Kind.HELLO): _greet,
        (Phase.OFFER, Kind.HANDSHAKE): _offered,
        (Phase.AGREEING, Kind.HANDSHAKE): Link._reply,
    }


class HubLink(Link):
    """The hub's end, for the embedded hub: greets, offers, answers the handshake, waits for the satellite's HELLO."""

    _first_phase = Phase.OFFER

    def __init__(self, config: LinkConfig) -> None:
        super().__init__(config)
        self._early: Session | None = None
        self._greeted = False

    def start(self) -> None:
        """Queue HELLO and the offer."""
        context = self._config.context
        offer = dict(context.offer)
        for one in self._config.allowed():
            offer |= one.handshake.offer(replace(context, offer=offer))
        self._config = replace(self._config, context=replace(context, offer=offer))
        self._send_clear(_HELLO, context.hello)
        self._send_clear(_HANDSHAKE, offer)
        self._early = self._session_without_frames()

    def _session_without_frames(self) -> Session | None:
        """A session that needs no handshake frames (pre-shared key), should the satellite choose to use it."""
        for one in self._config.allowed():
            script = one.handshake.hub(self._config.context, {})
            if isinstance(script, Declined):
                continue
            try:
                next(script)
            except StopIteration as stop:
                established: Established = stop.value
                return established.session
            script.close()
        return None

    def _first(self, message: HiveMessage) -> list[Event]:
        payload = message.payload
        try:
            script = self._choose(lambda handshake: handshake.hub(self._config.context, payload))
        except NoCommonHandshake as error:
            self.close()
            raise AuthenticationRefused(str(error)) from None
        return self._run(script)

    def _sealed_first(self, frame: Frame) -> list[Event]:
        if self._early is None:
            return [Discarded("sealed too early", "no pre-shared key")]
        return [*self._secure(Established(self._early)), *self._open(frame)]

    def _setup_message(self, message: HiveMessage) -> list[Event]:
        if message.msg_type is _HELLO and not self._greeted:
            self._greeted = True
            return [Greeted(message.payload)]
        return super()._setup_message(message)

    _table = {
        (Phase.OFFER, Kind.HANDSHAKE): _first,
        (Phase.OFFER, Kind.SEALED): _sealed_first,
        (Phase.AGREEING, Kind.HANDSHAKE): Link._reply,
    }




def _discarded(reason: str, error: HiveMindError) -> Discarded:
    return Discarded(reason, str(error))


_KINDS = {_HELLO: Kind.HELLO, _HANDSHAKE: Kind.HANDSHAKE}
_DECODERS: dict[Form, Callable[[bytes, Limits], HiveMessage]] = {Form.TEXT: decode_text, Form.BINARY: decode_binary}
