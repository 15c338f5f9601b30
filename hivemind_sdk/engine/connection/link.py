"""The shared half of both ends: frames, phases, the running handshake, the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from typing import Any, ClassVar, NoReturn

from ..._startup import replace
from ...contracts import (
    Compute,
    Declined,
    Established,
    Form,
    Frame,
    Handshake,
    HandshakeScript,
    LinkTally,
    MeasuringSession,
    PartedSession,
    Send,
    Session,
    SessionInfo,
)
from ...errors import (
    DecryptionError,
    HandshakeError,
    HiveMindError,
    LimitExceeded,
    MetadataTooLarge,
    NotConnected,
    NotEncodable,
    Reflected,
    RemoteProtocolError,
    SessionBroken,
    UnexpectedFrame,
)
from ...messages import SETUP_TYPES, HiveMessage, HiveMessageType, JSONObject
from ...messages.strict_json import loads
from ...settings import Limits
from ..codec import (
    STRICT,
    Codec,
    binary_parts,
    can_be_binary,
    decode_binary,
    decode_text,
    encode_binary,
    encode_text,
    message_from_object,
)
from .config import LinkConfig, NamedHandshake
from .events import ComputeNeeded, Discarded, Event, LinkSecured, Received
from .no_handshake import none_in_common

_HELLO, _HANDSHAKE, _BINARY = HiveMessageType.HELLO, HiveMessageType.HANDSHAKE, HiveMessageType.BINARY
_LONG = 64 * 1024
"""bytes of a payload above which one more copy costs more than to look for a way without it"""
_READS_THE_FLAG = 3
"""the protocol whose hubs read whether a binary frame is compressed; one of 4.0.0, which speaks older ones, does not"""


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

    # fmt: off
    __slots__ = (
        "_ask", "_binarize", "_candidates", "_codec", "_compress", "_compress_from", "_declined", "_failures", "_info",
        "_limits", "_longest_frame", "_out", "_passed_over", "_phase", "_script", "_seal_parts", "_session", "_trying",
        "config", "max_frame", "tally",
    )
    # fmt: on

    _first_phase: Phase
    _table: ClassVar[Mapping[tuple[Phase, Kind], Callable[[Any, Any], list[Event]]]]
    """what is done about a frame; what is not in it is out of turn"""

    def __init__(self, config: LinkConfig) -> None:
        self.config = config
        """of a satellite only until the session is agreed"""
        self._compress, self._compress_from, self._codec = config.compress, config.compress_from, config.codec
        self._limits = config.limits
        self._phase = self._first_phase
        self._out: list[Frame] = []
        self._script: HandshakeScript | None = None
        self._session: Session | None = None
        self._longest_frame: Callable[[Form, int], int] | None = None
        self._seal_parts: Callable[[Form, bytes, bytes], list[Frame]] | None = None
        self._info: SessionInfo | None = None
        self._candidates: Iterator[NamedHandshake] = iter(())
        self._ask: Callable[[Handshake], HandshakeScript | Declined] = _not_asked
        self._trying = ""
        self._declined: list[str] = []
        self._passed_over: list[str] = []
        self._binarize = False
        self._failures = 0
        self.tally = LinkTally()
        """counts frames, and the messages of `seal`"""
        self.max_frame: int | None = None
        """bytes of the longest frame that the transport takes; a message that would need a longer one is not sent"""

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def info(self) -> SessionInfo | None:
        """What was agreed, with the warnings of the handshakes that were passed over; None until then."""
        return self._info

    def receive(self, frame: Frame) -> list[Event]:
        """One frame from the transport -> what was learned. Raises what ends the link; NotConnected after that."""
        if self._phase is Phase.DEAD:
            raise NotConnected("the link has ended")
        self.tally.frames_received += 1
        self.tally.bytes_received += len(frame)
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
        """Seal a message of our own, such as a probe; `frames_to_send` has the frames. Raises as `seal`."""
        self._out.extend(self._seal(message))

    def seal(self, message: HiveMessage) -> list[Frame]:
        """The frames of a message, to be written at once, behind all before. Raises NotConnected, NotEncodable."""
        frames, kind, tally = self._seal(message), message.msg_type, self.tally
        for frame in frames:
            tally.frames_sent += 1
            tally.bytes_sent += len(frame)
        tally.messages_sent[kind] = tally.messages_sent.get(kind, 0) + 1
        return frames

    def _seal(self, message: HiveMessage) -> list[Frame]:
        session = self._session
        if session is None or self._phase is not Phase.ESTABLISHED:
            raise NotConnected("the link is not secured", hint="wait until the state is READY")
        if message.msg_type is _BINARY and len(message.payload) > _LONG and self._seal_parts is not None:
            head, body = binary_parts(message, compress=self._compress, codec=self._codec)
            self._check(Form.BINARY, len(head) + len(body), message)
            frames = self._seal_parts(Form.BINARY, head, body)
        else:
            form, plaintext = self._encode(message)
            self._check(form, len(plaintext), message)
            frames = session.seal(form, plaintext)
        if self.max_frame is not None and self._longest_frame is None:
            _check_size(max(map(len, frames)), self.max_frame, message)
        return frames

    def _check(self, form: Form, size: int, message: HiveMessage) -> None:
        """Before a counter is used up for what the transport can't take."""
        if self.max_frame is not None and self._longest_frame is not None:
            _check_size(self._longest_frame(form, size), self.max_frame, message)

    def frames_to_send(self) -> list[Frame]:
        """Take what must be written now."""
        frames, self._out = self._out, []
        for frame in frames:
            self.tally.frames_sent += 1
            self.tally.bytes_sent += len(frame)
        return frames

    def resume(self, result: Any) -> list[Event]:
        """The slow work is done."""
        return self._advance(lambda script: script.send(result))

    def resume_error(self, error: Exception) -> list[Event]:
        """The slow work raised."""
        return self._advance(lambda script: script.throw(error))

    def close(self) -> HiveMindError | None:
        """The transport is gone. -> what a handshake that still waits makes of that, to be taken for the cause

        It learns of it as GeneratorExit, and may raise (a HandshakeError that says `retry`).
        """
        self._phase = Phase.DEAD
        script, self._script = self._script, None
        try:
            if script is not None:
                script.close()
        except Exception as error:  # noqa: BLE001 - it is returned
            return _ours(error)
        return None

    # --- frames ---

    def _classify(self, frame: Frame) -> tuple[Kind, Any]:
        if len(frame) > self._limits.frame:
            raise LimitExceeded(f"a frame of {len(frame)} exceeds the limit of {self._limits.frame}")
        if isinstance(frame, bytes):
            return Kind.SEALED, frame
        value = loads(frame, depth=self._limits.depth, values=self._limits.values)
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
                return Form.BINARY, encode_binary(
                    message, compress=self._compress, compress_from=self._compress_from, codec=self._codec
                )
            except MetadataTooLarge:
                if message.msg_type is _BINARY:
                    raise
        return Form.TEXT, message.serialize().encode() if self._codec is STRICT else self._codec.text(message)

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
            return [_discarded("reflected" if isinstance(error, Reflected) else "cleartext", error)]
        except RemoteProtocolError as error:
            return [_discarded("malformed frame", error)]
        self._failures = 0
        if opened is None:
            return []
        form, plaintext = opened
        try:
            message = _DECODERS[form](plaintext, self._limits, self._codec)
        except RemoteProtocolError as error:
            return [_discarded("malformed message", error)]
        if message.msg_type in SETUP_TYPES:
            return self._setup_message(message)
        return [Received(message, len(plaintext))]

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

    def _negotiate(self, ask: Callable[[Handshake], HandshakeScript | Declined]) -> list[Event]:
        """Run the first allowed handshake that does not decline. `ask` gives its script for this link."""
        self._candidates, self._ask = iter(self.config.allowed()), ask
        return self._try_next()

    def _try_next(self) -> list[Event]:
        for one in self._candidates:
            self._trying = one.name
            try:
                answer = self._ask(one.handshake)
            except Exception as error:  # noqa: BLE001 - raised again, as one of ours
                self._give_up(error)
            if not isinstance(answer, Declined):
                self._script = answer
                return self._advance(next)
            self._note_declined(answer)
        return self._give_up(none_in_common(self.config, self._declined))

    def _note_declined(self, declined: Declined) -> None:
        self._declined.append(f"{self._trying}: {declined.reason}")
        self._passed_over += [declined.warning] if declined.warning else []

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
            if isinstance(stop.value, Declined):
                self._note_declined(stop.value)
                return self._try_next()
            return self._secure(stop.value)
        except Exception as error:  # noqa: BLE001 - raised again, as one of ours
            self._give_up(error)
        if isinstance(request, Compute):
            self._phase = Phase.COMPUTING
            return [ComputeNeeded(request.work, request.what)]
        self._phase = Phase.AGREEING
        if request.payload is not None:
            self._send_clear(_HANDSHAKE, request.payload)
        return []

    def _give_up(self, error: Exception) -> NoReturn:
        """A handshake failed: the link is dead, and what is raised is one of ours."""
        self.close()
        verdict = _ours(error)
        if verdict is error:
            raise error
        raise verdict from error

    def _secure(self, established: Established) -> list[Event]:
        if established.send is not None:
            self._send_clear(_HANDSHAKE, established.send)
        session = self._session = established.session
        # asked once: looking whether an object follows a protocol takes as long as sealing a message
        self._longest_frame = session.longest_frame if isinstance(session, MeasuringSession) else None
        self._seal_parts = session.seal_parts if isinstance(session, PartedSession) else None
        info = session.info
        self._info = replace(info, warnings=(*self._passed_over, *info.warnings)) if self._passed_over else info
        self._binarize = info.binarize
        if self._compress is None and info.protocol < _READS_THE_FLAG:
            self._compress = True
        self._phase = Phase.ESTABLISHED
        probe = established.probe.msg_type if established.probe is not None else None
        return [LinkSecured(self._info, established.confirm_within, probe, established.store)]

    def _forget_agreement(self) -> None:
        """What a satellite needed to agree on a session is let go: a link may last for months."""
        del self.config
        self._candidates, self._ask = iter(()), _not_asked

    def _send_clear(self, kind: HiveMessageType, payload: JSONObject) -> None:
        self._out.append(encode_text(HiveMessage(kind, payload)))


def _check_size(size: int, limit: int, message: HiveMessage) -> None:
    if size > limit:
        raise NotEncodable(
            f"a {message.msg_type.name} message would need a frame of {size} bytes, and this link takes {limit}",
            hint="send less at once, or in parts",
        )


def _not_asked(_handshake: Handshake) -> Declined:
    return Declined("not asked")


def _ours(error: Exception) -> HiveMindError:
    """What an exception in a handshake, which a plugin may have written, is called from here on."""
    if isinstance(error, RemoteProtocolError):
        return HandshakeError(f"the peer's handshake is malformed: {error}", hint=error.hint)
    if isinstance(error, HiveMindError):
        return error
    return HandshakeError(f"unexpected {type(error).__name__} in the handshake")


def _discarded(reason: str, error: HiveMindError) -> Discarded:
    return Discarded(reason, str(error))


_KINDS = {_HELLO: Kind.HELLO, _HANDSHAKE: Kind.HANDSHAKE}
_DECODERS: dict[Form, Callable[[bytes, Limits, Codec], HiveMessage]] = {
    Form.TEXT: decode_text,
    Form.BINARY: decode_binary,
}
