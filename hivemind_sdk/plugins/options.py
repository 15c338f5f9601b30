"""Typed options of a plugin: argument over environment over config file over the default of its own dataclass.

    @dataclass(frozen=True)
    class PigeonOptions:
        loft: Path
        grains: int = 3
        whistle: str = field(default="", repr=False, metadata={"secret": True})

`grains` of the plugin `transport.pigeon` is HIVEMIND_TRANSPORT_PIGEON_GRAINS (or, short, HIVEMIND_PIGEON_GRAINS) in the
environment. A field whose metadata says "secret" never shows its value in an error.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, TypeVar

from ..errors import OptionError
from .typehints import field_hints, read, readable, show

T = TypeVar("T")
_SHOWN = 60


class _Source(NamedTuple):
    """One value, and where it came from, for people."""

    value: Any
    where: str


@dataclasses.dataclass(frozen=True)
class OptionFacts:
    """One option, for people. `default` as its author wrote it: empty where it is required, and of one that is secret.

    `variables`: the environment variables that set it, the first one counts more.
    """

    name: str
    type: str
    default: str
    required: bool
    secret: bool
    variables: tuple[str, ...]


def schema_fault(schema: Any) -> str:
    """What keeps this class from being an options class; empty where nothing does."""
    if not (isinstance(schema, type) and dataclasses.is_dataclass(schema)):
        return "options should be a dataclass"
    try:
        hints = field_hints(schema)
    except (NameError, TypeError, AttributeError) as error:
        return f"the annotations of {schema.__name__} can't be resolved: {error}"
    unreadable = [f"{name}: {show(hint)}" for name, hint in hints.items() if not readable(hint)]
    return f"{schema.__name__} has options of a type that can't be read: {', '.join(unreadable)}" if unreadable else ""


def field_names(schema: Any) -> frozenset[str]:
    """The options that a schema (or None) has."""
    return frozenset(field_hints(schema)) if schema is not None else frozenset()


def described(names: tuple[str, ...], schema: Any) -> tuple[OptionFacts, ...]:
    """The options of a plugin that is called by these names."""
    hints, secrets = field_hints(schema), _secrets(schema)
    return tuple(
        OptionFacts(
            one.name,
            show(hints[one.name]),
            "" if one.name in secrets else _default(one),
            _is_required(one),
            one.name in secrets,
            tuple(variable(name, one.name) for name in names),
        )
        for one in dataclasses.fields(schema)
        if one.init
    )


def variable(plugin: str, option: str) -> str:
    """The environment variable of an option."""
    return re.sub(r"[^A-Z0-9]", "_", f"HIVEMIND_{plugin}_{option}".upper())


def resolve(
    names: tuple[str, ...],
    schema: type[T],
    *,
    arguments: Mapping[str, Any],
    environ: Mapping[str, str],
    config: Mapping[str, Mapping[str, Any]],
) -> T:
    """An instance of `schema` for the plugin that is called by these names, the full one first.

    Raises OptionError for a value of the wrong type and for a required option that nobody gave.
    """
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(schema)  # type: ignore[arg-type]
    required = {one.name for one in fields if _is_required(one)}
    values = {}
    for option, hint in field_hints(schema).items():
        source = _find(names, option, arguments, environ, config)
        if source is not None:
            values[option] = _read(names[0], schema, option, hint, source)
        elif option in required:
            raise OptionError(
                f"plugin {names[0]} needs the option {option!r} ({show(hint)})",
                hint=f"set {variable(names[0], option)}, or plugins.options.{names[0]}.{option} in the config file",
            )
    return _build(names[0], schema, values)


def check_names(plugin: str, given: Collection[str], known: Collection[str]) -> None:
    """Raise OptionError for an option that this plugin does not have, with the names that come nearest."""
    for option in given:
        if option not in known:
            from difflib import get_close_matches

            near = get_close_matches(option, known, n=3) or sorted(known)
            hint = f"it has: {', '.join(near)}" if near else "it has no options"
            raise OptionError(f"plugin {plugin} has no option {option!r}; {hint}")


def _find(
    names: tuple[str, ...],
    option: str,
    arguments: Mapping[str, Any],
    environ: Mapping[str, str],
    config: Mapping[str, Mapping[str, Any]],
) -> _Source | None:
    if option in arguments:
        return _Source(arguments[option], "given as an argument")
    for name in names:
        if (key := variable(name, option)) in environ:
            return _Source(environ[key], f"from {key}")
    for name in names:
        if option in config.get(name, {}):
            return _Source(config[name][option], "from the config file")
    return None


def _read(plugin: str, schema: type[Any], option: str, hint: Any, source: _Source) -> Any:
    try:
        return read(source.value, hint)
    except (ValueError, TypeError, KeyError):
        pass  # raised below, so that no chained exception holds the value
    value = "" if option in _secrets(schema) else f" {repr(source.value)[:_SHOWN]}"
    given = f"{type(source.value).__name__}{value} ({source.where})"
    raise OptionError(f"plugin {plugin}: option {option!r} takes {show(hint)}, not {given}")


def _build(plugin: str, schema: type[T], values: dict[str, Any]) -> T:
    try:
        return schema(**values)
    except (ValueError, TypeError) as error:  # what its __post_init__ refuses
        text = type(error).__name__ if _secrets(schema) else str(error)
    raise OptionError(f"plugin {plugin}: its options can't be used together: {text}")


def _secrets(schema: type[Any]) -> frozenset[str]:
    return frozenset(one.name for one in dataclasses.fields(schema) if one.metadata.get("secret"))


def _is_required(one: dataclasses.Field[Any]) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING and one.init


def _default(one: dataclasses.Field[Any]) -> str:
    if one.default is not dataclasses.MISSING:
        return repr(one.default)[:_SHOWN]
    return "" if one.default_factory is dataclasses.MISSING else f"{getattr(one.default_factory, '__name__', '?')}()"
