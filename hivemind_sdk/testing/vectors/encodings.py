"""Kind `encodings`: bytes <-> text in every encoding (wire.md section 6.4)."""

from __future__ import annotations

from hivemind_sdk.messages.encodings import get_encoding

from .case import Case
from .fields import unhex


def run(case: Case) -> None:
    """Encode, compare text and its UTF-8 bytes, decode."""
    fields = case.fields
    data = fields.hex("bytes_hex")
    case.same("len", fields.take("len"), len(data))
    texts, utf8 = fields.take("encoded"), fields.take("encoded_utf8_hex")
    case.same("encodings named", sorted(texts), sorted(utf8))
    for name, text in texts.items():
        encoding = get_encoding(name)
        case.same(f"encoded.{name}", text, encoding.encode(data))
        case.same(f"{name} decoded", data.hex(), encoding.decode(text).hex())
        case.same(
            f"encoded_utf8_hex.{name}", unhex(utf8.get(name), f"encoded_utf8_hex.{name}").hex(), text.encode().hex()
        )
