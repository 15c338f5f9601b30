"""JSON as the wire has it: the two writers that upstream peers use, and one strict, bounded reader."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from .errors import LimitExceeded, MalformedFrame, NotEncodable

_raw = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_ascii = json.JSONEncoder(ensure_ascii=True, allow_nan=False)
_structure = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)


def dumps(value: Any) -> str:
    """JSON with `", "` and `": "`, non-ASCII written raw. Raises NotEncodable for what JSON can't hold."""
    return _encode(_raw, value)


def dumps_ascii(value: Any) -> str:
    r"""The same with `\uXXXX` escapes, as the metadata block of a binary frame has it."""
    return _encode(_ascii, value)


def loads(text: str | bytes, *, depth: int = 64) -> Any:
    """Parse JSON strictly: UTF-8, no NaN, no infinity, nested at most `depth` levels.

    Raises MalformedFrame, or LimitExceeded where the nesting is too deep.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode()
        if text.count("[") + text.count("{") > depth:
            _check_depth(text, depth)
        return json.loads(text, parse_constant=_reject_constant)
    except MalformedFrame:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedFrame(f"not JSON text: {type(error).__name__} in {len(text)} characters") from None


def _encode(encoder: json.JSONEncoder, value: Any) -> str:
    try:
        return encoder.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotEncodable(
            f"the message holds something that JSON can't: {_shape(error)}",
            hint="use only str, int, finite float, bool, None, list and dict with str keys",
        ) from None


def _shape(error: Exception) -> str:
    """The exception without the offending value, which may be private."""
    found = re.search(r"Object of type (\w+)", str(error))
    return found[0] if found else type(error).__name__


def _check_depth(text: str, limit: int) -> None:
    level = 0
    for match in _structure.finditer(text):
        mark = match[0]
        if mark in ("[", "{"):
            level += 1
            if level > limit:
                raise LimitExceeded(f"JSON nested more than {limit} levels deep")
        elif mark in ("]", "}"):
            level -= 1


def _reject_constant(name: str) -> NoReturn:
    raise MalformedFrame(f"{name} is not JSON")
