"""JSON as the wire has it: the two writers that upstream peers use, and one strict, bounded reader."""

from __future__ import annotations

import itertools
import json
import json.encoder
import json.scanner
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from ..errors import LimitExceeded, MalformedFrame, NotEncodable, RemoteProtocolError

_WHITESPACE = " \t\n\r"
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # +1 and -1 as signed bytes
_NO_MARKS = bytes(set(range(256)) - set(b'[]{}"'))


def dumps(value: Any) -> str:
    """JSON with `", "` and `": "`, non-ASCII written raw. It can always be encoded as UTF-8.

    Raises NotEncodable for what JSON can't hold.
    """
    text = _write_raw(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair exists as an escape only
        return _write_ascii(value)
    return text


def dumps_ascii(value: Any) -> str:
    r"""The same with `\uXXXX` escapes, as the metadata block of a binary frame has it."""
    return _write_ascii(value)


def loads(text: str | bytes, *, depth: int = 64, values: int | None = None) -> Any:
    """Parse JSON strictly: UTF-8, no NaN, no infinity, nested at most `depth` levels, with at most `values` values.

    Values are counted by their commas and brackets, those in texts included: each costs up to 100 bytes of memory,
    where it may have cost the sender two.

    So half of a surrogate pair is an escape, or refused: two halves that were apart would be one when they are written.
    Raises MalformedFrame, or LimitExceeded where the nesting is too deep.
    """
    try:
        if isinstance(text, bytes):
            data, text = text, text.decode()
        else:
            data = text.encode()
        check_bounds(data, depth, values)
        value, end = _scan(text, 0 if text[:1] > " " else len(text) - len(text.lstrip(_WHITESPACE)))
    except (ValueError, RecursionError, StopIteration) as error:
        if isinstance(error, RemoteProtocolError):
            raise
        raise MalformedFrame(f"not JSON text: {type(error).__name__} in {len(text)} characters") from None
    if end != len(text) and text[end:].strip(_WHITESPACE):
        raise MalformedFrame(f"not JSON text: something follows after {end} of {len(text)} characters")
    return value


def check_bounds(data: bytes, depth: int, values: int | None) -> None:
    """What `loads` looks at before it reads. Raises LimitExceeded."""
    if values is not None and len(data) > values:
        _check_values(data, values)
    size = len(data)
    if size > 2 * depth:
        # brackets that open, those in strings included; leaving them out takes less time than counting them
        openings = 2 * size - len(data.replace(b"[", b"")) - len(data.replace(b"{", b""))
        if openings > depth:
            _check_depth(data, depth)


def _writer(*, ascii_only: bool) -> Callable[[Any], str]:
    """One C encoder for all calls: `JSONEncoder.encode` makes one for each, half the time of a short message."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is not None:
        escape = getattr(json.encoder, "encode_basestring_ascii" if ascii_only else "encode_basestring")
        # without markers a circular object ends in RecursionError, and no state is left behind by an error
        parts = make(None, _refuse, escape, None, ": ", ", ", False, False, False)
    else:
        encoder = json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False)

        def parts(value: Any, _level: int) -> Iterable[str]:
            return encoder.iterencode(value)

    def write(value: Any) -> str:
        try:
            return "".join(parts(value, 0))
        except (TypeError, ValueError, RecursionError) as error:
            raise NotEncodable(
                f"the message holds something that JSON can't: {_shape(error)}",
                hint="use only str, int, finite float, bool, None, list and dict with str keys",
            ) from None

    return write


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"Object of type {type(value).__name__}")


def _shape(error: Exception) -> str:
    """The exception without the offending value, which may be private."""
    found = re.search(r"Object of type (\w+)", str(error))
    return found[0] if found else type(error).__name__


def _check_values(data: bytes, values: int) -> None:
    if (found := sum(map(data.count, (b",", b"[", b"{")))) > values:
        raise LimitExceeded(
            f"JSON of {found} values came, and {values} are allowed", hint="raise Limits.values if the hub is trusted"
        )


def _check_depth(data: bytes, limit: int) -> None:
    """Without its strings JSON is a walk of steps up and down; how high does it lead?"""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = data.translate(_STEPS, _NO_MARKS).replace(b'""', b"")
    steps = b"".join(marks.split(b'"')[::2]).replace(b"\x01\xff", b"")  # most containers hold no other
    if max(itertools.accumulate(memoryview(steps).cast("b")), default=0) >= limit:
        raise LimitExceeded(f"JSON nested more than {limit} levels deep")


def _finite(text: str) -> float:
    value = float(text)
    if value - value == 0.0:  # not so for infinity
        return value
    raise MalformedFrame("a number is larger than a float can hold")


def _reject_constant(name: str) -> NoReturn:
    raise MalformedFrame(f"{name} is not JSON")


_write_raw = _writer(ascii_only=False)
_write_ascii = _writer(ascii_only=True)
_decoder: Any = json.JSONDecoder(parse_float=_finite, parse_constant=_reject_constant)
# what `decode` calls, after it has looked for whitespace with a regular expression
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once
