"""Which plugins may load, as the user says: in the config file, overridden by the environment.

`$XDG_CONFIG_HOME/hivemind/sdk.json` (or under `~/.config`), every key optional:

    {"plugins": {"only": [...], "disabled": [...], "prefer": {"kind:name": ["provider"]}, "options": {"plugin": {...}}}}

HIVEMIND_IDENTITY is a comma list too: which identity backends the client and the command line use (`file`).
HIVEMIND_PLUGINS_ONLY and HIVEMIND_PLUGINS_DISABLED are comma lists and replace those of the file;
HIVEMIND_PLUGINS_PREFER ("kind:name=provider,kind=other") replaces the keys of `prefer` that it names; a key that comes
twice has two choices, the better one first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._startup import dataclass, field
from ..errors import SettingsError
from . import user_input
from .user_input import config_home, text_of

ONLY, DISABLED, PREFER = "HIVEMIND_PLUGINS_ONLY", "HIVEMIND_PLUGINS_DISABLED", "HIVEMIND_PLUGINS_PREFER"
IDENTITY = "HIVEMIND_IDENTITY"
_KEYS = ("only", "disabled", "prefer", "options")


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """Which plugins may load, and which one wins.

    `only`: names of entry points; all others are not even imported. None means no restriction.
    `disabled`: never imported. `prefer`: kind or `kind:name` -> provider names, best first.
    `options`: plugin name -> option -> value, as from a config file.
    """

    only: frozenset[str] | None = None
    disabled: frozenset[str] = frozenset()
    prefer: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        user_input.check_types(self)


def config_file(environ: Mapping[str, str] | None = None) -> Path | None:
    """Where the config file is, or would be. None for a user without a home."""
    base = config_home(environ)
    return None if base is None else base / "hivemind" / "sdk.json"


def plugin_settings(environ: Mapping[str, str] | None = None) -> PluginSettings:
    """What the file says, and the environment over it; both are read now. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    path = config_file(environ)
    found = {} if path is None else plugins_of(content_of(path), path)
    only = _list(environ[ONLY]) if ONLY in environ else found.get("only")
    disabled = _list(environ[DISABLED]) if DISABLED in environ else found.get("disabled", ())
    return PluginSettings(
        only=None if only is None else frozenset(only),
        disabled=frozenset(disabled),
        prefer={key: tuple(names) for key, names in found.get("prefer", {}).items()} | preferences(environ),
        options=found.get("options", {}),
    )


def identity_names(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The identity backends to use, first one first: credentials are looked for in this order."""
    return tuple(_list((os.environ if environ is None else environ).get(IDENTITY, ""))) or ("file",)


def content_of(path: Path) -> dict[str, Any]:
    """All that a config file says, whoever it is for. Raises SettingsError."""
    try:
        content = json.loads(text_of(path.read_bytes()))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"config file {path} can't be read: {type(error).__name__}") from None
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise SettingsError(f"config file {path} is not JSON{where}", hint="repair it, or move it away") from None
    if not isinstance(content, dict):
        raise SettingsError(f"config file {path} holds no JSON object", hint="repair it, or move it away")
    return content


def plugins_of(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """What it says of plugins. Raises SettingsError, which names the file."""
    plugins = content.get("plugins", {})
    fault = _fault(plugins)
    if fault:
        raise SettingsError(f"config file {path}: {fault}", hint="repair it, or move it away")
    return dict(plugins)


def _fault(plugins: Any) -> str:
    """What is wrong with the shape of `plugins`; never shows a value of an option."""
    if not isinstance(plugins, dict):
        return "`plugins` should be an object"
    unknown = sorted(set(plugins) - set(_KEYS))
    if unknown:
        return f"`plugins` has no {unknown[0]!r}; it has {', '.join(_KEYS)}"
    if not all(_is_names(plugins.get(key, [])) for key in ("only", "disabled")):
        return "`plugins.only` and `plugins.disabled` should be lists of names"
    prefer, options = plugins.get("prefer", {}), plugins.get("options", {})
    if not (isinstance(prefer, dict) and all(map(_is_names, prefer.values()))):
        return "`plugins.prefer` should map `kind` or `kind:name` to a list of providers"
    if not (isinstance(options, dict) and all(isinstance(one, dict) for one in options.values())):
        return "`plugins.options` should map the name of a plugin to an object"
    return ""


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def preferences(environ: Mapping[str, str] | None = None) -> dict[str, tuple[str, ...]]:
    """What the environment prefers. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    found: dict[str, tuple[str, ...]] = {}
    for part in _list(environ.get(PREFER, "")):
        key, sep, provider = (piece.strip() for piece in part.partition("="))
        if not (key and sep and provider):
            raise SettingsError(f"{PREFER}: {part!r} should be kind=provider or kind:name=provider")
        found[key] = (*found.get(key, ()), provider)
    return found
