"""The plugin settings in the config file, changed: the file is replaced as a whole, and what else it holds is kept.

A change is a function that gets what is under `plugins`, to alter it in place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import IdentityError, SettingsError
from ..identity import FileLock
from ..identity import private_files as atomic
from .config import config_file, content_of, plugins_of

Plugins = dict[str, Any]
Change = Callable[[Plugins], None]


def edit(change: Change) -> Path:
    """-> the file, now changed. Raises SettingsError where it can't be read, is no config file, or can't be written."""
    path = config_file()
    if path is None:
        raise SettingsError("there is no home for a config file", hint="set HOME or XDG_CONFIG_HOME")
    try:
        with FileLock.at(path.resolve()):
            content = content_of(path)
            plugins = plugins_of(content, path)
            change(plugins)
            text = json.dumps({**content, "plugins": plugins}, indent=2, ensure_ascii=False)
            atomic.replace(path, text.encode() + b"\n")
    except IdentityError as error:
        raise SettingsError(str(error), hint=error.hint) from None
    except OSError as error:
        raise SettingsError(f"config file {path} can't be written: {error.strerror or type(error).__name__}") from None
    return path


def disabling(name: str) -> Change:
    """Keep the plugin of this name out."""

    def change(plugins: Plugins) -> None:
        _put(plugins, "disabled", list(dict.fromkeys([*plugins.get("disabled", ()), name])))

    return change


def enabling(names: Sequence[str]) -> Change:
    """Let the plugin in that is called by these names: it is not disabled, and among `only` where there is one."""

    def change(plugins: Plugins) -> None:
        _put(plugins, "disabled", [one for one in plugins.get("disabled", ()) if one not in names])
        if "only" in plugins and not set(names) & set(plugins["only"]):
            plugins["only"] = [*plugins["only"], names[0]]

    return change


def preferring(key: str, providers: Sequence[str]) -> Change:
    """Who goes first for `kind` or `kind:name`, best first; nobody: forget what was said."""

    def change(plugins: Plugins) -> None:
        prefer = {**plugins.get("prefer", {}), key: list(providers)}
        _put(plugins, "prefer", {one: names for one, names in prefer.items() if names})

    return change


def _put(plugins: Plugins, key: str, value: Any) -> None:
    """What says nothing is not written."""
    plugins[key] = value
    if not value:
        del plugins[key]
