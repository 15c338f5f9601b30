"""The providers of `[fast]`, where they are installed: what they take and make of it is what the strict ones do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fuzz.mutate import LIMITS

from hivemind_fast import hivemind_primitives
from hivemind_sdk.engine.codec import STRICT, Codec, ProvidedCodec, decode_binary, decode_text
from hivemind_sdk.errors import RemoteProtocolError
from hivemind_sdk.messages import HiveMessage


def installed() -> ProvidedCodec | None:
    made = {one.primitive: one.create() for one in hivemind_primitives()}
    return ProvidedCodec(made.get("JSON"), made.get("DEFLATE")) if made else None


def agreed(decode: Callable[..., HiveMessage], data: bytes, codec: Codec) -> None:
    """Raises RemoteProtocolError where both refuse it for the same reason, AssertionError where they differ."""

    def outcome(one: Codec) -> Any:
        try:
            return decode(data, LIMITS, one)
        except RemoteProtocolError as error:
            return error

    strict, other = outcome(STRICT), outcome(codec)
    if isinstance(strict, HiveMessage) and isinstance(other, HiveMessage):
        content = [one.payload if one.msg_type == "bin" else one.as_json for one in (strict, other)]  # 1 is not 1.0
        if strict != other or content[0] != content[1]:
            raise AssertionError("a provider reads something else")
        written = codec.text(other) if other.msg_type != "bin" else b""
        if written and decode_text(written, LIMITS).as_json != decode_text(STRICT.text(strict), LIMITS).as_json:
            raise AssertionError("a provider writes something else")
        return
    if isinstance(strict, HiveMessage) or isinstance(other, HiveMessage) or str(strict) != str(other):
        raise AssertionError(f"strict: {strict!r:.200}; by a provider: {other!r:.200}")
    raise strict


def targets() -> dict[str, Callable[[bytes], None]]:
    codec = installed()
    if codec is None:
        return {}
    return {
        "text by providers": lambda data: agreed(decode_text, data, codec),
        "binary by providers": lambda data: agreed(decode_binary, data, codec),
    }
