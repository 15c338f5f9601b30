"""The user's plugin settings: the config file, overridden by the environment; and changes to that file.

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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import IdentityError, SettingsError
from ..identity import FileLock, private_files
from ..settings import PluginSettings
from ..settings.user_input import config_home, text_of

ONLY, DISABLED, PREFER = "HIVEMIND_PLUGINS_ONLY", "HIVEMIND_PLUGINS_DISABLED", "HIVEMIND_PLUGINS_PREFER"
IDENTITY = "HIVEMIND_IDENTITY"
_KEYS = ("only", "disabled", "prefer", "options")
Plugins = dict[str, Any]
Change = Callable[[Plugins], None]
"""alters what is under `plugins` in place"""


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


# --- changing the file ---


def edit(change: Change) -> Path:
    """Change the plugin settings in the config file and return its path; all else in it is kept.

    The file is replaced as a whole. Raises SettingsError if it can't be read, is no config file, or can't be written.
    """
    path = config_file()
    if path is None:
        raise SettingsError("there is no home for a config file", hint="set HOME or XDG_CONFIG_HOME")
    try:
        with FileLock(path.resolve()):
            content = content_of(path)
            plugins = plugins_of(content, path)
            change(plugins)
            text = json.dumps({**content, "plugins": plugins}, indent=2, ensure_ascii=False)
            private_files.replace(path, text.encode() + b"\n")
    except IdentityError as error:
        raise SettingsError(str(error), hint=error.hint) from None
    except OSError as error:
        raise SettingsError(f"config file {path} can't be written: {error.strerror or type(error).__name__}") from None
    return path


def disabling(name: str) -> Change:
    """Disable the plugin of this name."""

    def change(plugins: Plugins) -> None:
        _put(plugins, "disabled", list(dict.fromkeys([*plugins.get("disabled", ()), name])))

    return change


def enabling(names: Sequence[str]) -> Change:
    """Enable the plugin that has these names: not `disabled`, and in `only` if there is such a list."""

    def change(plugins: Plugins) -> None:
        _put(plugins, "disabled", [one for one in plugins.get("disabled", ()) if one not in names])
        if "only" in plugins and not set(names) & set(plugins["only"]):
            plugins["only"] = [*plugins["only"], names[0]]

    return change


def preferring(key: str, providers: Sequence[str]) -> Change:
    """Set the preferred providers for `kind` or `kind:name`, best first; none: remove the preference."""

    def change(plugins: Plugins) -> None:
        prefer = {**plugins.get("prefer", {}), key: list(providers)}
        _put(plugins, "prefer", {one: names for one, names in prefer.items() if names})

    return change


def _put(plugins: Plugins, key: str, value: Any) -> None:
    """Set the key; an empty value removes it."""
    plugins[key] = value
    if not value:
        del plugins[key]
