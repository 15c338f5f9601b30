"""Third parties' commands by name, read off the files of their distributions.

Importing the standard library's metadata costs as much as click does, and `--help` would pay it for names alone. So this
reads `entry_points.txt` itself; who runs such a command goes through the loader, with all its rules.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

GROUP = "[hivemind_sdk]"
PREFIX = "command."


class Command(NamedTuple):
    """A command that some distribution registers."""

    name: str
    help: str


def commands() -> Mapping[str, Command]:
    """Name -> command, in no order. Empty where nothing is installed or all of it is disabled."""
    found: dict[str, Command] = {}
    for distribution, text in _entry_point_files():
        for line in _group(text):
            name = line.partition("=")[0].strip()
            if name.startswith(PREFIX):
                name = name[len(PREFIX) :]
                found.setdefault(name, Command(name, f"(a plugin of {distribution})"))
    return {name: one for name, one in found.items() if _enabled(name)} if found else {}


def _entry_point_files() -> Iterator[tuple[str, str]]:
    """(distribution, content) of every entry_points.txt on the path that names our group."""
    for folder in dict.fromkeys(sys.path):
        try:
            entries = [entry.name for entry in os.scandir(folder or ".") if entry.name.endswith((".dist-info", ".egg-info"))]
        except OSError:
            continue
        for name in entries:
            try:
                with open(os.path.join(folder or ".", name, "entry_points.txt"), encoding="utf-8") as file:
                    text = file.read()
            except (OSError, UnicodeDecodeError):
                continue
            if GROUP in text:
                yield name.partition("-")[0].replace("_", "-"), text


def _group(text: str) -> Iterator[str]:
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line == GROUP
        elif inside and line and not line.startswith(("#", ";")):
            yield line


def _enabled(name: str) -> bool:
    from ..config import plugin_settings

    settings = plugin_settings()
    names = {name, PREFIX + name}
    return not names & settings.disabled and (settings.only is None or bool(names & settings.only))
