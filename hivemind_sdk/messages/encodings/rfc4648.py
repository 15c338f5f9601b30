"""JSON-HEX, JSON-B64, JSON-URLSAFE-B64 and JSON-B32: the encodings of RFC 4648 (wire.md section 6.4)."""

from __future__ import annotations

import binascii

from .base import Encoding, reject

_LANES = 1024
"""groups of five bytes in a block"""


def _mask(lane_bytes: int, mask: int) -> int:
    """This mask in every lane of a block of base 32."""
    return int.from_bytes(mask.to_bytes(lane_bytes, "big") * (8 * _LANES // lane_bytes), "big")


_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO_BASE32 = _BASE32.ljust(256, b"\0")
# 32 digits as int() knows them; what is not in the alphabet becomes something that it does not know
_FROM_BASE32 = bytes(b"0123456789abcdefghijklmnopqrstuv!"[_BASE32.find(char)] for char in range(256))
_PADDING = {0: 0, 2: 6, 4: 4, 5: 3, 7: 1}
"""characters in the last group -> `=` after it"""
# spread 40 bits over 64: halves of a lane, quarters, eighths; (upper part, lower part, how far the upper part moves)
_SPREAD = (
    (_mask(8, 0xFFFFF << 20), _mask(8, 0xFFFFF), 12),
    (_mask(4, 0x3FF << 10), _mask(4, 0x3FF), 6),
    (_mask(2, 0x1F << 5), _mask(2, 0x1F), 3),
)

_STANDARD_TO_URLSAFE = bytes.maketrans(b"+/", b"-_")
_URLSAFE_TO_STANDARD = bytes.maketrans(b"-_+/", b"+/!!")


def _decode_hex(text: str) -> bytes:
    try:
        return binascii.unhexlify(text)
    except ValueError:
        reject(HEX.name, f"{len(text)} characters")


def _encode_base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def _decode_base64(text: str) -> bytes:
    return _base64(_ascii(text, BASE64.name), BASE64.name)


def _encode_urlsafe(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).translate(_STANDARD_TO_URLSAFE).decode()


def _decode_urlsafe(text: str) -> bytes:
    standard = _ascii(text, URLSAFE_BASE64.name).translate(_URLSAFE_TO_STANDARD)
    if not standard.endswith(b"="):
        standard += b"=" * (-len(standard) % 4)  # peers may leave the padding out
    return _base64(standard, URLSAFE_BASE64.name)


def _base64(text: bytes, name: str) -> bytes:
    """The standard decoder skips what it does not know, so that fewer bytes come out; and takes any end."""
    try:
        data = binascii.a2b_base64(text)
    except ValueError:
        reject(name, f"{len(text)} characters")
    end = binascii.b2a_base64(data[-(len(data) % 3 or 3) :], newline=False)
    if len(text) % 4 or len(data) != len(text) // 4 * 3 - text.count(b"=", -2) or not text.endswith(end):
        reject(name, "a character is not in the alphabet, or the end is not as an encoder writes it")
    return data


def _ascii(text: str, name: str) -> bytes:
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        reject(name, "a character is not in the alphabet")


def _encode_base32(data: bytes) -> str:
    used = -(len(data) * 8 // -5)
    padded = data + bytes(-len(data) % 5)
    parts = []
    for start in range(0, len(padded), 5 * _LANES):
        block = padded[start : start + 5 * _LANES]
        lanes = bytearray(len(block) // 5 * 8)
        for column in range(5):
            lanes[3 + column :: 8] = block[column::5]
        value = int.from_bytes(lanes, "big")
        for upper, lower, shift in _SPREAD:
            value = (value & upper) << shift | value & lower
        parts.append(value.to_bytes(len(lanes), "big").translate(_TO_BASE32))
    text = b"".join(parts).decode()
    return text[:used].ljust(len(text), "=")


def _decode_base32(text: str) -> bytes:
    digits = text.rstrip("=")
    if _PADDING.get(len(digits) % 8) != len(text) - len(digits):
        reject(BASE32.name, f"{len(digits)} characters and {len(text) - len(digits)} of padding")
    try:
        value = int(_ascii(digits, BASE32.name).translate(_FROM_BASE32) or b"0", 32)
    except ValueError:
        reject(BASE32.name, "a character is not in the alphabet")
    size, spare = divmod(len(digits) * 5, 8)
    if value & ((1 << spare) - 1):
        reject(BASE32.name, "the end is not as an encoder writes it")
    return (value >> spare).to_bytes(size, "big")


HEX = Encoding("JSON-HEX", bytes.hex, _decode_hex, escaped=False)
BASE64 = Encoding("JSON-B64", _encode_base64, _decode_base64, escaped=False)
URLSAFE_BASE64 = Encoding("JSON-URLSAFE-B64", _encode_urlsafe, _decode_urlsafe, escaped=False)
BASE32 = Encoding("JSON-B32", _encode_base32, _decode_base32, escaped=False)
