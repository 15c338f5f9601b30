"""Both sides nod, and talk in clear."""

from __future__ import annotations

from typing_extensions import assert_type

from hivemind_sdk.contracts import (
    Compute,
    Declined,
    EnvelopeSession,
    Established,
    Form,
    Frame,
    Handshake,
    HandshakeContext,
    HandshakeScript,
    MeasuringSession,
    NodeState,
    PartedSession,
    Role,
    Send,
    Session,
    SessionInfo,
)
from hivemind_sdk.errors import HandshakeError, MalformedFrame
from hivemind_sdk.messages import JSONObject


class Clear:
    def __init__(self, name: str) -> None:
        self.info = SessionInfo(protocol=0, handshake=name, cipher="none", warnings=("nothing is sealed",))

    def longest_frame(self, form: Form, size: int) -> int:
        return size if form in Form else 0

    def seal(self, form: Form, plaintext: bytes) -> list[Frame]:
        return [plaintext.decode() if form is Form.TEXT else plaintext]

    def seal_parts(self, form: Form, head: bytes, body: bytes) -> list[Frame]:
        return self.seal(form, head + body)

    def open(self, frame: Frame) -> tuple[Form, bytes] | None:
        if not frame:
            raise MalformedFrame("an empty frame")
        return (Form.TEXT, frame.encode()) if isinstance(frame, str) else (Form.BINARY, frame)


class Nod:
    def satellite(self, context: HandshakeContext) -> HandshakeScript | Declined:
        if "nod" not in context.offer:
            return Declined("the hub does not nod", warning="it may be asleep")
        return self._script(context)

    def hub(self, context: HandshakeContext, first: JSONObject) -> HandshakeScript | Declined:
        return self._script(context) if first else Declined("it waits for a nod")

    def offer(self, context: HandshakeContext) -> JSONObject:
        return {"nod": context.role is Role.HUB}

    def _script(self, context: HandshakeContext) -> HandshakeScript:
        proof = yield Compute(lambda: context.random(16).hex(), "nodding")
        reply = yield Send({"nod": proof})
        if not reply:
            raise HandshakeError("no nod came back")
        remember(context.state, context.authority)
        session: MeasuringSession = Clear("nod")
        return Established(session, send={"nod": True})


def remember(state: NodeState, authority: str) -> None:
    """That this one has nodded."""
    state.write("nodded", [*(state.read("nodded") or []), authority])
    assert_type(state.read_secret("nod.key"), str | None)
    state.write_secret("nod.key", None)


handshake: Handshake = Nod()
parted: PartedSession = Clear("nod")


def is_envelope(session: Session) -> bool:
    return isinstance(session, EnvelopeSession)
