"""`--set NAME=VALUE`: any field of Settings that has no option of its own, as `limits.outbox_messages=50`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import is_dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ..errors import SettingsError

if TYPE_CHECKING:
    from ..settings import Settings

_OWN_OPTIONS = frozenset({"endpoint", "credentials", "fallbacks", "delivery", "plugins", "session_id", "app"})
"""fields that have options of their own, hold secrets, or can't be written as one text"""


def with_set(settings: Settings, pairs: Sequence[str]) -> Settings:
    """A copy with these `NAME=VALUE` applied. Raises SettingsError for a name or a value that can't be used."""
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise SettingsError(f"--set {name[:60]!r} has no value", hint="write --set NAME=VALUE")
        settings = _changed(settings, name.strip().split("."), value, name.strip())
    return settings


def _changed(settings: Any, path: Sequence[str], text: str, name: str) -> Any:
    from ..plugins.typehints import field_hints, read

    field, *rest = path
    hints = {one: hint for one, hint in field_hints(type(settings)).items() if one not in _OWN_OPTIONS}
    if field not in hints:
        near = get_close_matches(field, hints, 1) or sorted(hints)
        raise SettingsError(f"--set: there is no setting {name[:60]!r}", hint=f"did you mean {', '.join(near)}?")
    value = getattr(settings, field)
    if field == "headers":
        if not rest:
            raise SettingsError("--set headers needs the name of a header", hint="write headers.NAME=VALUE")
        return replace(settings, headers={**value, ".".join(rest): text})
    if rest and is_dataclass(value):
        return replace(settings, **{field: _changed(value, rest, text, name)})
    if rest or is_dataclass(value):
        inner = f"{name}.{next(iter(field_hints(type(value))))}" if is_dataclass(value) else path[0]
        raise SettingsError(f"--set: {name[:60]!r} is not one value", hint=f"such as {inner}=...")
    try:
        return replace(settings, **{field: read(text, hints[field])})
    except (TypeError, ValueError, LookupError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(
            f"--set {name[:60]}: {text[:40]!r} can't be read as {getattr(hints[field], '__name__', hints[field])}"
        ) from None
