"""Changes to the user's plugin settings in the config file (see settings.plugins)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import IdentityError, SettingsError
from ..identity import FileLock, private_files
from ..settings.plugins import config_file, content_of, plugins_of

Plugins = dict[str, Any]
Change = Callable[[Plugins], None]
"""alters what is under `plugins` in place"""


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
