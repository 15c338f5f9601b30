"""JSON-B91: basE91, 13 or 14 bits in two characters (wire.md section 6.4).

How many bits a pair takes depends on their value, so that whole-buffer arithmetic does not help: tables of pairs do.
"""

from __future__ import annotations

import functools
import struct
from itertools import chain, repeat

from .base import Encoding, reject

_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&()*+,./:;<=>?@[]^_`{|}~"'
_BLOCK = 16 * 1024
"""characters that are decoded at once"""


def _width(value: int) -> int:
    """The bits that a pair stands for."""
    return 13 if value & 8191 > 88 else 14


@functools.cache
def _pairs() -> list[str]:
    """Two characters for each value."""
    return [first + second for second in _ALPHABET for first in _ALPHABET]


@functools.cache
def _bits() -> dict[int, str]:
    """The bits that two characters (as a little-endian number) stand for, least significant first."""
    return {
        int.from_bytes(pair.encode(), "little"): f"{value:0{_width(value)}b}"[::-1]
        for value, pair in enumerate(_pairs())
    }


def _encode(data: bytes) -> str:
    pairs, text = _pairs(), []
    padded = data + bytes(-len(data) % 8)
    words = struct.unpack(f"<{len(padded) // 8}Q", padded)
    missing = 8 * (len(padded) - len(data))
    value = count = 0
    for word, least in zip(words, chain(repeat(13, len(words) - 1), (13 + missing,)), strict=False):
        value |= word << count
        count += 64
        while count > least:
            pair = value & 8191
            if pair > 88:
                value >>= 13
                count -= 13
            else:
                pair = value & 16383
                value >>= 14
                count -= 14
            text.append(pairs[pair])
    count -= missing
    if count > 0:
        text.append(pairs[value] if count > 7 or value > 90 else _ALPHABET[value])
    return "".join(text)


def _decode(text: str) -> bytes:
    table = _bits()
    data = bytearray()
    bits = ""
    try:
        chars = text.encode("ascii")
        whole = len(chars) & ~1
        for start in range(0, whole, _BLOCK):
            block = chars[start : min(start + _BLOCK, whole)]
            bits += "".join([table[pair] for pair in struct.unpack(f"<{len(block) // 2}H", block)])
            used = len(bits) & ~7
            data += int(bits[used - 1 :: -1] if used else "0", 2).to_bytes(used // 8, "little")
            bits = bits[used:]
        if len(chars) == whole:
            _check_end(text[-2:], bits)
        else:
            data.append(_last_byte(_ALPHABET.index(text[-1]), bits))
    except (KeyError, ValueError):
        reject(BASE91.name, "a character is not in the alphabet, or the end is not as an encoder writes it")
    return bytes(data)


def _last_byte(value: int, bits: str) -> int:
    """From the bits left over and a last single character. Raises ValueError where an encoder writes another end."""
    byte = value << len(bits) | int(bits[::-1] or "0", 2)
    if not bits or byte > 255:
        raise ValueError
    return byte


def _check_end(pair: str, bits: str) -> None:
    """Raises ValueError where a last pair holds more than the encoder had, or one character would have done."""
    if "1" in bits:
        raise ValueError
    if pair:
        value = _ALPHABET.index(pair[0]) + 91 * _ALPHABET.index(pair[1])
        if value <= 90 and _width(value) - len(bits) <= 7:
            raise ValueError


BASE91 = Encoding("JSON-B91", _encode, _decode)
