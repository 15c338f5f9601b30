"""Kind `negative`: hostile and malformed inputs, by area, and the verdict that each has to get."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from hivemind_sdk.engine.codec import decode_binary, encode_binary
from hivemind_sdk.errors import HiveMindError, SessionBroken
from hivemind_sdk.messages import HiveMessage, HiveMessageType
from hivemind_sdk.messages.encodings import get_encoding
from hivemind_sdk.settings import Limits

from . import dispatch, noise_negative, password, rsa
from .case import Case
from .codec import decoded
from .fields import CaseProblem, Fields
from .outcome import outcome

ACCEPTED, REJECTED = "accept", "reject"


def run(case: Case) -> None:
    """Do what the area does with the input; compare what became of it with the verdict."""
    area = case.fields.text("area")
    perform = AREAS.get(area)
    if perform is None:
        raise CaseProblem(f"a case of an unknown kind: area {area!r}")
    expect = case.fields.part("expect")
    given = case.fields.part("input")
    value, error = outcome(lambda: perform(case, given))
    if isinstance(value, dispatch.Effects):
        dispatch.judge(case, expect, value)
        return
    _judge(case, expect.text("verdict"), error)
    if "scope" in expect:
        case.same("expect.scope", expect.text("scope"), "session" if isinstance(error, SessionBroken) else "handshake")
    if "value_hex" in expect and error is None:
        case.same("expect.value_hex", expect.hex("value_hex").hex(), value.hex())


def _judge(case: Case, verdict: str, error: HiveMindError | None) -> None:
    found = REJECTED if error else ACCEPTED
    reason = f" ({type(error).__name__}: {error})" if error else ""
    if verdict == "either":
        case.note = found + reason
    elif verdict not in (ACCEPTED, REJECTED):
        raise CaseProblem(f"expect.verdict: {verdict!r} is no verdict")
    elif verdict != found:
        case.differences.append(f"expect.verdict: expected {verdict}, got {found}{reason}")


# --- areas: what is done with the input -> what came out; HiveMindError where it was rejected ---------------------


def _frame(case: Case, given: Fields) -> Any:
    message = decode_binary(_frame_bytes(case, given), Limits())
    again = decode_binary(encode_binary(message, compress=False, versioned=False), Limits())
    case.same("decoded, encoded and decoded again", decoded(message), decoded(again))
    return message


def _frame_bytes(case: Case, given: Fields) -> bytes:
    if "frame_parts" not in given:
        return given.hex("frame_hex")
    frame = b"".join(_part(part) for part in given.parts("frame_parts"))
    digest = hashlib.sha256(frame).hexdigest()
    case.same("input.frame_sha256", given.text("frame_sha256"), digest)
    return frame


def _part(part: Fields) -> bytes:
    data = part.hex("hex") if "hex" in part else part.text("text").encode()
    times: int = part.get("times", 1)
    return data * times


def _encode(_case: Case, given: Fields) -> Any:
    payload = given.get("payload", {"a": 1})
    compress, metadata = given.get("compressed", False), given.get("metadata", {})
    # where no type is named, the payload is wrong for this one
    unnamed = HiveMessageType.BINARY if isinstance(payload, dict) else HiveMessageType.BUS
    message = HiveMessage(given.get("msg_type", unnamed), payload, metadata=metadata)
    return encode_binary(message, compress=compress, versioned=False)


def _cipher(case: Case, given: Fields) -> Any:
    frame = given.hex("binary_hex")
    return case.engine.session(given.text("cipher"), "JSON-HEX", given.hex("key_hex")).open(frame)


def _cipher_json(case: Case, given: Fields) -> Any:
    frame, encoding = given.text("envelope"), given.text("encoding")
    return case.engine.session(given.text("cipher"), encoding, given.hex("key_hex")).open(frame)


def _encoding(_case: Case, given: Fields) -> Any:
    return get_encoding(given.text("encoding")).decode(given.text("text"))


def _password(case: Case, given: Fields) -> Any:
    satellite = password.begin(case, given.text("password"), given.hex("own_iv_hex"))
    case.same("input.own_envelope", given.text("own_envelope"), satellite.payload.get("envelope"))
    password.accept(satellite, given.text("peer_envelope"))


def _rsa(case: Case, given: Fields) -> Any:
    receiver, signer = case.key(given.text("receiver")), case.key(given.text("expected_signer"))
    rsa.take_envelope(case, receiver, signer, given.text("envelope"))


AREAS: dict[str, Callable[[Case, Fields], Any]] = {
    "frame": _frame,
    "encode": _encode,
    "cipher": _cipher,
    "cipher-json": _cipher_json,
    "encoding": _encoding,
    "password": _password,
    "rsa": _rsa,
    "noise": noise_negative.perform,
    "dispatch": dispatch.perform,
}
