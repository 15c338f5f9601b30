"""Commands of plugins. The loader alone decides which of them run; their names for `--help` are read here, faster.

The loader needs the metadata of all distributions, whose import costs as much as click does, and `--help` would pay
that for a few names. So `listed` reads the files `entry_points.txt` on the path itself. It may name a command that the
loader then does not give (two distributions provide the name, say), with the reason; who runs a command gets the
loader's word.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

_GROUP = "[hivemind_sdk]"
_PREFIX = "command."


def listed() -> Mapping[str, str]:
    """Name -> line of help, for every command that is registered and not disabled."""
    found: dict[str, list[str]] = {}
    for distribution, text in _entry_point_files():
        for name in _names(text):
            if name.startswith(_PREFIX) and name.isprintable():  # what could steer the terminal is not run either
                found.setdefault(name[len(_PREFIX) :], []).append(distribution)
    names = _enabled(set(found)) if found else set()
    return {name: f"(of the plugin {', '.join(dict.fromkeys(found[name]))})" for name in names}


def command(name: str) -> click.Command | None:
    """Load it; None where nothing has this name. Raises PluginError, with the reason, where it can't be used."""
    import click

    from ..errors import PluginError, PluginMissing
    from ..plugins.loader import load_command

    try:
        loaded = load_command(name)
    except PluginMissing:
        if name in listed():
            raise
        return None
    if not isinstance(loaded, click.Command):
        raise PluginError(f"the plugin of the command {name!r} gives {type(loaded).__name__}, not a click.Command")
    return loaded


def _entry_point_files() -> Iterator[tuple[str, str]]:
    """(distribution, content) of every entry_points.txt on the path that names our group."""
    for folder in dict.fromkeys(sys.path):
        try:
            with os.scandir(folder or ".") as entries:
                names = sorted(entry.name for entry in entries if entry.name.endswith((".dist-info", ".egg-info")))
        except OSError:
            continue
        for name in names:
            try:
                with open(os.path.join(folder or ".", name, "entry_points.txt"), encoding="utf-8") as file:  # noqa: PTH118, PTH123 - pathlib is slow to import
                    text = file.read()
            except (OSError, ValueError):
                continue
            if _GROUP in text:
                yield name.partition("-")[0].replace("_", "-"), text


def _names(text: str) -> Iterator[str]:
    """The names of the entry points in our group."""
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line == _GROUP
        elif inside and line and not line.startswith(("#", ";")):
            yield line.partition("=")[0].strip()


def _enabled(names: set[str]) -> set[str]:
    from ..errors import SettingsError
    from ..settings.plugins import plugin_settings

    try:
        settings = plugin_settings()
    except SettingsError:  # said when a command is run; help is there to help
        return names
    return {
        name
        for name in names
        if not {name, _PREFIX + name} & settings.disabled
        and (settings.only is None or {name, _PREFIX + name} & settings.only)
    }
