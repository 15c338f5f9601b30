"""What observers are told: small frozen records, none of which holds a key, a password or a payload."""

from __future__ import annotations

from .._startup import dataclass
from ..delivery import Outcome
from ..errors import HiveMindError, PolicyDenied
from ..messages import HiveMessageType
from .sessions import SessionInfo
from .status import Status


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The link went from one state to another."""

    before: Status
    after: Status


@dataclass(frozen=True, slots=True)
class PhasePassed:
    """A part of connecting went well: `resolve`, `connect`, `tls`, `upgrade`, `hello` (as far as a transport has them).

    `detail`: what was found there, in few words; it may come from the hub.
    """

    phase: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A keep-alive ping of the transport was answered, after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class FrameSent:
    """`size` in bytes on the wire (characters, for text)."""

    size: int
    binary: bool


@dataclass(frozen=True, slots=True)
class FrameReceived:
    size: int
    binary: bool


@dataclass(frozen=True, slots=True)
class MessageSent:
    msg_type: HiveMessageType


@dataclass(frozen=True, slots=True)
class DeliveryChanged:
    """What became of a message that could not just be sent. `reason`: for people, or empty."""

    msg_type: HiveMessageType
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MessageReceived:
    msg_type: HiveMessageType


@dataclass(frozen=True, slots=True)
class Dropped:
    """A frame or message that was not acted on. `reason` is a short constant to count by."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Denied:
    """The hub said that it does not allow a bus message of ours. `error` has its type, the hub's code, and a hint."""

    error: PolicyDenied


@dataclass(frozen=True, slots=True)
class Secured:
    """A handshake ended well."""

    info: SessionInfo


@dataclass(frozen=True, slots=True)
class CallbackFailed:
    """A handler or an application's callback raised. `name` says which."""

    name: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class CallbackHung:
    """An application's callback has not returned for so many seconds. Told once for each call."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that the user should know of, and that is no error."""

    text: str
    cause: HiveMindError | None = None


Observation = (
    StateChanged
    | PhasePassed
    | RoundTrip
    | FrameSent
    | FrameReceived
    | MessageSent
    | DeliveryChanged
    | MessageReceived
    | Dropped
    | Denied
    | Secured
    | CallbackFailed
    | CallbackHung
    | Warned
)
