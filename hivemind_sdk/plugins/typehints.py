"""Values held against type hints: does a value fit one, can a text or a JSON value be read as one."""

from __future__ import annotations

import collections.abc
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .._startup import fields
from ..settings.user_input import user_path

_UNIONS = (typing.Union, types.UnionType)
_TRUTH = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(("0", "false", "no", "off"), False)


def field_hints(schema: Any) -> Mapping[str, Any]:
    """Field -> type, for the fields of a dataclass that its constructor takes. Raises what a bad annotation raises."""
    return _field_hints(schema)


def field_fault(instance: Any, names: Mapping[str, Any] | None = None) -> str:
    """What is wrong with the fields of this dataclass instance; empty where all of them fit.

    `names`: what its annotations name besides what its module has.
    """
    try:
        hints = field_hints(type(instance)) if names is None else _resolved(type(instance), names)
    except (NameError, TypeError, AttributeError) as error:
        return f"the annotations of {type(instance).__name__} can't be resolved: {error}"
    for name, hint in hints.items():
        value = getattr(instance, name)
        if not fits(value, hint):
            return f"{name} should be {show(hint)}, not {type(value).__name__}"
    return ""


def fits(value: Any, hint: Any) -> bool:
    """Whether a value has this type. What a callable takes and gives is not looked at."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in _UNIONS:
        return any(fits(value, one) for one in args)
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(one, args[0]) for one in value)
    if origin is collections.abc.Callable:
        return callable(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def read(value: Any, hint: Any) -> Any:
    """`value` as this type: as it is, or from text (environment) or JSON (config file).

    Lists of texts are split at commas, a table as text is JSON; an empty text is None where None is allowed. Raises
    ValueError, TypeError or KeyError, whose texts may hold the value.
    """
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        return None if value is None or value == "" else read(value, _inner(args))
    if origin is tuple:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        elif not isinstance(value, (list, tuple)):
            raise TypeError
        return tuple(read(one, args[0]) for one in value)
    if origin is collections.abc.Mapping:
        return {str(name): read(one, args[1]) for name, one in _table(value).items()}
    return value if hint is Any else _READERS[hint](value)


def readable(hint: Any) -> bool:
    """Whether `read` knows this type: str, int, float, bool, Path, tuple[one of these, ...], or any of them or None; or
    Mapping[str, ...] of one of these, of a Mapping, or of Any.
    """
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        return len(args) == 2 and type(None) in args and readable(_inner(args))
    if origin is tuple:
        return len(args) == 2 and args[1] is Ellipsis and args[0] in _READERS
    if origin is collections.abc.Mapping:
        return args[0] is str and (args[1] is Any or readable(args[1]))
    return hint in _READERS


def show(hint: Any) -> str:
    """The type as an author would write it."""
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")


def schema_fault(schema: Any) -> str:
    """What keeps this class from being an options class; empty where nothing does."""
    if not (isinstance(schema, type) and is_dataclass(schema)):
        return "options should be a dataclass"
    try:
        hints = field_hints(schema)
    except (NameError, TypeError, AttributeError) as error:
        return f"the annotations of {schema.__name__} can't be resolved: {error}"
    unreadable = [f"{name}: {show(hint)}" for name, hint in hints.items() if not readable(hint)]
    return f"{schema.__name__} has options of a type that can't be read: {', '.join(unreadable)}" if unreadable else ""


@lru_cache(maxsize=256)
def _field_hints(schema: Any) -> Mapping[str, Any]:
    return _resolved(schema, None)


def _resolved(schema: Any, names: Mapping[str, Any] | None) -> Mapping[str, Any]:
    hints = typing.get_type_hints(schema, localns=names if names is None else dict(names))
    return {one.name: hints[one.name] for one in fields(schema) if one.init}


def _inner(args: tuple[Any, ...]) -> Any:
    return next(one for one in args if one is not type(None))


def _table(value: Any) -> Mapping[Any, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise TypeError
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _int(value: Any) -> int:
    if isinstance(value, (bool, float)):
        raise TypeError
    return int(value)


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _bool(value: Any) -> bool:
    return value if isinstance(value, bool) else _TRUTH[_text(value).strip().lower()]


def _path(value: Any) -> Path:
    return user_path(value)


_READERS: dict[Any, Callable[[Any], Any]] = {str: _text, int: _int, float: _float, bool: _bool, Path: _path}
