"""One value of the file as the type that is wanted, or what is wrong with it and what to write instead."""

from __future__ import annotations

import collections.abc
import typing
from collections.abc import Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .schema import AUTO, Key, shown, written

_LONGEST = 60
_MOST = 16
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_EXAMPLES = {str: '"TEXT"', int: "1", float: "1.5", bool: "true", Path: '"PATH"'}


class Wrong(Exception):
    """`text`: what is wrong, to be read after the name of the key. `remedy`: what to write."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.text, self.remedy = text, remedy


def taken(name: str, value: Any, key: Key) -> Any:
    """`value` as `key.hint`. Raises Wrong."""
    found = _fitted(value, key.hint)
    if found is not _UNFIT:
        if isinstance(found, (int, float)) and not isinstance(found, bool) and not found >= 0:
            raise Wrong(f"is {found}, and can't be below 0", f"write {name} = {example(key)}")
        return found
    shown_value = "" if key.secret or not _is_plain(value) else f" {written(value)}"[:_LONGEST]
    raise Wrong(f"is a {_named(value)}{shown_value}, and should be a {shown(key.hint)}", _remedy(name, value, key))


def near(name: str, known: Iterable[str]) -> str:
    """What was meant, for people."""
    names = {one.lower(): one for one in sorted(known)}
    found = get_close_matches(name.lower(), names, n=1)
    if found:
        return f"did you mean {names[found[0]]}?"
    more = f", ... ({len(names)} in all)" if len(names) > _MOST else ""
    return f"there is: {', '.join([*names.values()][:_MOST])}{more}" if names else "there is none"


def example(key: Key) -> str:
    """A value as TOML."""
    default = "" if key.default in ((), frozenset(), "") else written(key.default)
    return key.example or default or _example(key.hint)


_UNFIT: Any = object()


def _fitted(value: Any, hint: Any) -> Any:
    """The value as this type, or _UNFIT."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if type(None) in args:
        inner = next(one for one in args if one is not type(None))
        return None if inner is bool and value == AUTO else _fitted(value, inner)
    if origin in (tuple, frozenset):
        items = [_fitted(one, args[0]) for one in value] if isinstance(value, list) else [_UNFIT]
        return _UNFIT if any(one is _UNFIT for one in items) else origin(items)
    if origin is collections.abc.Mapping:
        if not isinstance(value, Mapping):
            return _UNFIT
        table = {name: _fitted(one, args[1]) for name, one in value.items()}
        return _UNFIT if any(one is _UNFIT for one in table.values()) else table
    if hint is bool or isinstance(value, bool):
        return value if isinstance(value, bool) and hint is bool else _UNFIT
    if hint is float:
        return float(value) if isinstance(value, (int, float)) else _UNFIT
    if hint is Path:
        return Path(value).expanduser() if isinstance(value, str) and value else _UNFIT
    return value if isinstance(value, hint) else _UNFIT


def _remedy(name: str, value: Any, key: Key) -> str:
    """What to write: the value itself where it is only written in another way."""
    if key.secret:
        return f"write {name} = {key.example or _EXAMPLES[str]}"
    hint = key.hint
    if type(None) in typing.get_args(hint):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    if typing.get_origin(hint) in (tuple, frozenset) and isinstance(value, (str, int, float)):
        return f"write {name} = {written([value])}"
    if hint is str and isinstance(value, (int, float)) and not isinstance(value, bool):
        return f'write {name} = "{value}"'
    if isinstance(value, str) and hint in (int, float, bool):
        with suppress(ValueError, KeyError):
            return f"write {name} = {written(_TRUTH[value.lower()] if hint is bool else hint(value))}"
    return f"write {name} = {example(key)}"


def _example(hint: Any) -> str:
    args = typing.get_args(hint)
    if typing.get_origin(hint) is collections.abc.Mapping:
        return "{ NAME = VALUE }"
    if type(None) in args:
        return _example(next(one for one in args if one is not type(None)))
    return f"[{_example(args[0])}]" if args else _EXAMPLES.get(hint, '"TEXT"')


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool, list))


def _named(value: Any) -> str:
    names = {bool: "truth value", str: "text", int: "number", float: "number", list: "list", dict: "table"}
    return names.get(type(value), type(value).__name__)
