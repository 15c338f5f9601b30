"""What contracts.JSONText and Deflate promise: what they take is what the strict reader and zlib make of it."""

from __future__ import annotations

import enum
import json
import math
import uuid
import zlib
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from ...contracts import Deflate, JSONText
from ...errors import HiveMindError, RemoteProtocolError
from ...messages.strict_json import dumps, loads
from .contract import Contract, check
from .expect import must, same, together

_LIMIT = 1 << 20


class _Plain(enum.Enum):
    ONE = 1


class _Number(enum.IntEnum):
    ONE = 1


_MESSAGE = {"type": "speak", "data": {"utterance": "grüße 🐝", "n": [1, -2.5, True, None]}, "context": {}}
_TEXTS = (
    *(
        "0",
        "-0",
        "-0.0",
        "1e400",
        "1E-400",
        "0.1",
        "1.0",
        "1e2",
        "123456789012345678",
        "NaN",
        "[Infinity]",
        "-Infinity",
        "01",
    ),
    *(str(number) for power in (53, 63, 64, 70) for number in (2**power - 1, 2**power, -(2**power), -(2**power) - 1)),
    *(
        '""',
        '"\\ud800"',
        '"\\ud83d\\ude00"',
        '"\\udc00\\ud800"',
        '"\\u0000"',
        '"\x7f"',
        '"\x1f"',
        '"\\x"',
        '{"\\ud800": 1}',
    ),
    *("", " ", "{} {}", "[1,]", "{1: 2}", "'a'", "\ufeff{}", "nul", "//", "[1 2]", " \t\r\n[1] \n", "\x0b1", "\xa01"),
    *('{"a": 1, "a": 2}', '{"a": 1, "b": 2, "a": 3}', "[" * 60 + "]" * 60, "{}", "[]", "true", "null"),
    json.dumps(_MESSAGE),
    dumps(_MESSAGE),
    json.dumps([_MESSAGE] * 50),
)
_VALUES: tuple[Any, ...] = (
    _MESSAGE,
    *(2**power - 1 for power in (53, 63, 64, 70)),
    *(-(2**power) for power in (53, 63, 64, 70)),
    *(math.nan, [math.inf], {"a": [None, -math.inf]}, 1e308, 5e-324, -0.0, 0.1, 1e16),
    *("\ud800", {"\udc00": 1}, "\U0001f41d", "\x00\x7f", "é" * 300),
    *(b"bytes", {1, 2}, 1j, object(), uuid.UUID(int=5), _Plain.ONE, [_Number.ONE], (1, (2,))),
    *({1: 2}, {None: 1}, {True: 1}, OrderedDict(a=1), {("a",): 1}),
)


class JSONTextContract(Contract):
    """Holds a contracts.JSONText to its contract. Override `json`."""

    def json(self) -> JSONText:
        """A new one."""
        raise NotImplementedError

    def agrees_on_text(self, data: bytes) -> bool:
        """It takes this text as the strict reader does, or leaves it. -> whether it took it. Raises AssertionError."""
        try:
            found = self.json().read(data)
        except ValueError:
            return False
        try:
            wanted = loads(data, depth=1 << 20)
        except RemoteProtocolError as error:
            raise AssertionError(f"{data[:80]!r} is taken, and the strict reader says: {error}") from None
        must(_same(found, wanted), f"{data[:80]!r} is read as {str(found)[:80]}, and strictly as {str(wanted)[:80]}")
        return True

    def agrees_on_value(self, value: Any) -> bool:
        """What it writes is read as what the strict writer writes, or it leaves it. Raises AssertionError."""
        try:
            text = self.json().write(value)
        except (TypeError, ValueError):
            return False
        try:
            wanted = loads(dumps(value), depth=1 << 20)
        except HiveMindError as error:
            raise AssertionError(f"{str(value)[:80]} is written, and strictly: {error}") from None
        found = loads(text, depth=1 << 20)
        must(
            _same(found, wanted),
            f"{str(value)[:80]} comes back as {str(found)[:80]}, and strictly as {str(wanted)[:80]}",
        )
        return True

    @check
    def test_texts_are_read_strictly_or_left(self) -> None:
        for text in _TEXTS:
            self.agrees_on_text(text.encode("utf-8", "surrogatepass"))

    @check
    def test_bytes_that_are_no_utf_8_are_left(self) -> None:
        for data in (
            b'"\xff"',
            b'"\xed\xa0\x80"',
            b'"\xc0\x80"',
            b"\xff\xfe1\x00",
            b'"\xe2\x82"',
            b'{"a": "\xf5\x80\x80\x80"}',
        ):
            must(not self.agrees_on_text(data), f"{data!r} is taken")

    @check
    def test_values_are_written_as_strictly_or_left(self) -> None:
        for value in _VALUES:
            self.agrees_on_value(value)

    @check
    def test_messages_are_taken(self) -> None:
        """One that leaves all to the strict reader would keep all promises, and be of no use."""
        must(self.agrees_on_text(json.dumps(_MESSAGE).encode()), "a usual message is not read")
        must(self.agrees_on_value(_MESSAGE), "a usual message is not written")

    @check
    def test_deep_values_do_not_end_the_process(self) -> None:
        deep: Any = []
        for _ in range(100_000):
            deep = [deep]
        self.agrees_on_text(b"[" * 100_000 + b"]" * 100_000)
        with suppress(TypeError, ValueError, RecursionError):
            self.json().write(deep)
        while deep:  # to free it at once would be as deep
            [deep] = deep

    @check
    def test_any_thread_may_use_it(self) -> None:
        one = self.json()
        text = json.dumps(_MESSAGE).encode()
        for found in together([lambda: one.read(one.write(one.read(text)))] * 8, "eight threads", self.patience):
            same(found, _MESSAGE, "a message through eight threads")


class DeflateContract(Contract):
    """Holds a contracts.Deflate to its contract. Override `deflate`."""

    def deflate(self) -> Deflate:
        """A new one."""
        raise NotImplementedError

    def agrees_on_block(self, block: bytes, limit: int) -> bool:
        """It inflates this as zlib does, or leaves it. -> whether it took it. Raises AssertionError."""
        try:
            found = self.deflate().decompress(block, limit)
        except ValueError:
            return False
        stream = zlib.decompressobj()
        try:
            wanted: bytes | None = stream.decompress(block, limit + 1)
        except zlib.error:
            wanted = None
        whole = stream.eof and not stream.unused_data and wanted is not None and len(wanted) <= limit
        must(whole, f"a block of {len(block)} bytes is taken, and by zlib it is not")
        same(found, wanted, "what a block holds")
        return True

    @check
    def test_what_is_deflated_is_inflated_by_zlib(self) -> None:
        for data in _BLOCKS:
            same(zlib.decompress(self.deflate().compress(data)), data, f"{len(data)} bytes through zlib")

    @check
    def test_what_zlib_deflated_is_inflated_or_left(self) -> None:
        taken = [self.agrees_on_block(zlib.compress(data, level), _LIMIT) for data in _BLOCKS for level in (0, 1, 6, 9)]
        must(any(taken), "no block is inflated")

    @check
    def test_what_zlib_refuses_is_left(self) -> None:
        block = zlib.compress(_BLOCKS[2])
        with_dictionary = zlib.compressobj(zdict=b"hello")
        for bad in (
            b"",
            block[:-1],
            block[:-5],
            block + b"\0",
            block * 2,
            block[:-1] + bytes([block[-1] ^ 1]),
            b"\x79" + block[1:],
            b"\x78" + bytes([block[1] ^ 1]) + block[2:],
            b"\x98\x18" + block[2:],
            with_dictionary.compress(b"hello hello") + with_dictionary.flush(),
            zlib.compress(b"a" * 1000)[2:],
        ):
            must(not self.agrees_on_block(bad, _LIMIT), f"{bad[:12].hex()}... is taken")

    @check
    def test_the_limit_holds(self) -> None:
        bomb = zlib.compress(bytes(50_000_000), 9)
        must(not self.agrees_on_block(bomb, _LIMIT), "a block is taken that holds more than is allowed")
        block = zlib.compress(b"a" * 100)
        must(not self.agrees_on_block(block, 99), "a block is taken that holds a byte more than is allowed")
        self.agrees_on_block(block, 100)


_BLOCKS = (
    b"",
    b"a",
    json.dumps(_MESSAGE).encode(),
    json.dumps([_MESSAGE] * 100).encode(),
    bytes(70_000),
    bytes(range(256)) * 9,
)


def _same(found: Any, wanted: Any) -> bool:
    """Equal, of the same types all the way down, in the same order: `1` is neither `1.0` nor `True`."""
    if type(found) is not type(wanted):
        return False
    if isinstance(found, dict):
        return list(found) == list(wanted) and all(map(_same, found.values(), wanted.values()))
    if isinstance(found, list):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    return repr(found) == repr(wanted) if isinstance(found, float) else bool(found == wanted)
