"""JSON-Z85B and JSON-Z85P: four bytes in five digits of base 85 (wire.md section 6.4).

Both work on whole buffers: the groups are lanes of one big integer, so that a handful of operations on it handles them
all. Buffers are cut in blocks, which stay in the processor's cache.
"""

from __future__ import annotations

from typing import Literal

from .base import Encoding, reject

_ByteOrder = Literal["little", "big"]

_ALPHABET = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_NONE = 0xFF
_TO_TEXT = _ALPHABET.ljust(256, b"\0")
_TO_DIGIT = bytes(_ALPHABET.find(char) & _NONE for char in range(256))

_LANES = 1024
"""groups in a block"""


def _mask(lane_bytes: int, mask: int) -> int:
    """This mask in every lane of a block."""
    return int.from_bytes(mask.to_bytes(lane_bytes, "little") * _LANES, "little")


# v // 85 is v * factor >> 38, exact for 32 bits and never more than the 64 of a lane
_FACTOR = (1 << 38) // 85 + 1
_QUOTIENT = _mask(8, (1 << 26) - 1)
_UNUSED = _mask(8, 0xFFFFFF << 40)
_DIGIT = _mask(5, 0xFF)


def _encode_words(data: bytes, order: _ByteOrder) -> bytes:
    """Text of whole words; `little` has the least significant byte and digit first, `big` the most significant."""
    parts = []
    for start in range(0, len(data), 4 * _LANES):
        block = memoryview(data)[start : start + 4 * _LANES]
        lanes = bytearray(2 * len(block))
        memoryview(lanes).cast("I")[order == "big" :: 2] = block.cast("I")
        value = int.from_bytes(lanes, order)
        # digit k is quotient[k] - 85 * quotient[k+1], and belongs in byte k
        quotient, quotients = value, 0
        for shift in (0, 8, 16, 24):
            quotient = quotient * _FACTOR >> 38 & _QUOTIENT
            quotients += quotient << shift
        digits = value + (256 - 85) * quotients
        unused = _UNUSED >> 64 * _LANES - 8 * len(lanes)
        parts.append((digits | unused).to_bytes(len(lanes), order).translate(_TO_TEXT, b"\xff"))
    return b"".join(parts)


def _decode_words(digits: bytes, order: _ByteOrder, name: str) -> bytearray:
    """Bytes of whole groups of five digits (numbers, not text)."""
    words = bytearray()
    for start in range(0, len(digits), 5 * _LANES):
        block = digits[start : start + 5 * _LANES]
        lanes = int.from_bytes(block, order)
        value = lanes >> 32 & _DIGIT
        for shift in (24, 16, 8, 0):
            value = value * 85 + (lanes >> shift & _DIGIT)
        part = bytearray(value.to_bytes(len(block), order))
        overflow = slice(4 if order == "little" else 0, None, 5)
        if any(part[overflow]):
            reject(name, "a group of five is larger than four bytes can hold")
        del part[overflow]
        words += part
    return words


def _digits(text: str, name: str) -> bytes:
    try:
        digits = text.encode("ascii").translate(_TO_DIGIT)
    except UnicodeEncodeError:
        reject(name, "a character is not in the alphabet")
    if _NONE in digits:
        reject(name, "a character is not in the alphabet")
    return digits


def _encode_b(data: bytes) -> str:
    missing = -len(data) % 4
    text = _encode_words(data + bytes(missing), "little").decode()
    return text[:-missing] if missing else text


def _decode_b(text: str) -> bytes:
    digits = _digits(text, Z85B.name)
    missing = -len(digits) % 5
    if missing == 4:
        reject(Z85B.name, f"{len(text)} characters can't be")
    data = _decode_words(digits + bytes(missing), "little", Z85B.name)
    return _without_padding(data, missing, Z85B.name)


def _encode_p(data: bytes) -> str:
    missing = -len(data) % 4
    return chr(missing) + _encode_words(data + bytes(missing), "big").decode()


def _decode_p(text: str) -> bytes:
    missing = ord(text[0]) if text else 4
    if missing > 3 or len(text) % 5 != 1 or len(text) <= missing:
        reject(Z85P.name, f"{len(text)} characters can't be, or do not start with the size of the padding")
    return _without_padding(_decode_words(_digits(text[1:], Z85P.name), "big", Z85P.name), missing, Z85P.name)


def _without_padding(data: bytearray, size: int, name: str) -> bytes:
    if any(data[len(data) - size :]):
        reject(name, "the padding is not zero")
    return bytes(data[: len(data) - size])


Z85B = Encoding("JSON-Z85B", _encode_b, _decode_b)
Z85P = Encoding("JSON-Z85P", _encode_p, _decode_p)
