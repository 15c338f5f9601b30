"""Kind `transcript`: a recorded link: token, handshake, and every frame that was sealed (wire.md section 5.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hivemind_sdk.contracts import Form, Frame, Role, Session
from hivemind_sdk.engine.codec import decode_binary, decode_text
from hivemind_sdk.messages import HiveMessage, HiveMessageType, JSONObject
from hivemind_sdk.messages.strict_json import loads
from hivemind_sdk.settings import Credentials, Limits

from .case import Case
from .codec import decoded
from .fields import CaseProblem, Fields
from .password import PROTOCOL
from .scripts import context, has_key, replay, start

UP, DOWN = "C>S", "S>C"
SETUP = (DOWN, DOWN, UP, DOWN, UP)
"""the way of HELLO, offer, answer, agreement and the satellite's HELLO"""
LEGACY_SERVER = r"hivemind-core [0-4](\.\d+)+(a\d+)? \(legacy handshake\)"
CLIENT = "hivemind_bus_client "
LISTS = ("ciphers", "encodings")


def run(case: Case) -> None:
    """Agree on the recorded key from the recorded handshake; then open every frame with it."""
    fields = case.fields
    credentials = Credentials(fields.text("access_key"), password=fields.text("password"))
    target = "/?authorization=" + credentials.token(fields.text("useragent"))
    case.same("request_target", fields.text("request_target"), target)
    case.true("client: not of the file's generations", fields.text("client") in [CLIENT + g for g in case.generations])
    case.true("server: not a legacy one", re.fullmatch(LEGACY_SERVER, fields.text("server")) is not None)

    frames = fields.parts("frames")
    if len(frames) < len(SETUP):
        raise CaseProblem("frames: too few for a handshake")
    case.same("dir of the handshake's frames", list(SETUP), [frame.text("dir") for frame in frames[: len(SETUP)]])
    session = _agree(case, credentials, [frame.take("plain").get("payload") for frame in frames[: len(SETUP) - 1]])
    for index, frame in enumerate(frames):
        _check_frame(case, f"frames[{index}]", frame, session)


def _agree(case: Case, credentials: Credentials, payloads: list[Any]) -> Session:
    """The satellite's session, from the payloads of the first four frames."""
    hello, offer, ours, theirs = payloads
    given = context(
        case.engine,
        Role.SATELLITE,
        hello=hello,
        offer=offer,
        credentials=credentials,
        ciphers=tuple(ours["ciphers"]),
        encodings=tuple(ours["encodings"]),
        binarize=offer["binarize"],
        random=replay(bytes.fromhex(ours["envelope"][:16])),
    )
    satellite = start(case.engine.handshake(PROTOCOL).satellite(given))
    wanted = {**ours, **{name: [one for one in ours[name] if one in offer[name]] for name in LISTS}}
    case.same("frames[2]: the answer", wanted, satellite.payload)
    if wanted != ours:
        case.on_purpose.append("our answer leaves out what the hub did not offer (wire.md section 5.4)")
    session = satellite.reply(theirs).compute().session
    case.same("cipher", case.fields.text("cipher"), session.info.cipher)
    case.same("encoding", case.fields.text("encoding"), session.info.encoding)
    key = case.fields.hex("session_key_hex")
    case.true("session_key_hex: not the key that was agreed on", has_key(case.engine, session, key))
    return session


def _check_frame(case: Case, what: str, fields: Fields, session: Session) -> None:
    kind, sealed = fields.text("kind"), fields.flag("encrypted")
    frame: Frame = fields.text("text") if kind == "text" else fields.hex("hex")
    if kind not in ("text", "binary"):
        raise CaseProblem(f"{what}.kind: {kind!r} is neither text nor binary")
    case.same(f"{what}.encrypted", sealed, kind == "binary" or "ciphertext" in loads(fields.text("text")))
    message = _read(frame, session if sealed else None)
    plain = fields.take("plain")
    case.same(f"{what}.plain", plain, message.as_dict if isinstance(message, HiveMessage) else message)
    _check_direction(case, what, fields.text("dir"), plain)


def _read(frame: Frame, session: Session | None) -> HiveMessage | JSONObject:
    if session is None:
        if isinstance(frame, bytes):
            raise CaseProblem("a binary frame in clear")
        return decode_text(frame, Limits())
    opened = session.open(frame)
    if opened is None:
        raise CaseProblem("a frame of a v2 session holds only a part")
    form, plaintext = opened
    return decode_text(plaintext, Limits()) if form is Form.TEXT else decoded(decode_binary(plaintext, Limits()))


def _check_direction(case: Case, what: str, direction: str, plain: JSONObject) -> None:
    """Where the message tells which way it goes (wire.md sections 3.6, 4.5, 10.1), the frame has to say the same."""
    if direction not in (UP, DOWN):
        raise CaseProblem(f"{what}.dir: {direction!r} is neither {UP} nor {DOWN}")
    tell = DIRECTIONS.get(plain["msg_type"])
    told = tell(plain, case.fields.text("useragent")) if tell is not None else None
    if told is not None:
        case.same(f"{what}.dir", direction, UP if told else DOWN)


SUBTYPE_GOES_UP = {1: True, 2: True, 4: True, 5: True, 6: False}
DIRECTIONS: dict[str, Callable[[JSONObject, str], bool | None]] = {
    HiveMessageType.ESCALATE: lambda _plain, _: True,
    HiveMessageType.SHARED_BUS: lambda _plain, _: True,
    HiveMessageType.BROADCAST: lambda _plain, _: False,
    HiveMessageType.HELLO: lambda plain, _: "session" in plain["payload"],
    HiveMessageType.BUS: lambda plain, useragent: plain["payload"]["context"].get("source") == useragent,
    HiveMessageType.QUERY: lambda plain, _: "is_response" not in plain["metadata"],
    HiveMessageType.CASCADE: lambda plain, _: "is_response" not in plain["metadata"],
    HiveMessageType.BINARY: lambda plain, _: SUBTYPE_GOES_UP.get(plain["binary_subtype"]),
}
"""whether a message from or to this useragent goes up; None where it can go either way"""
