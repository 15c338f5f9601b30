"""What a new plugin is called, as a distribution, a module and a plugin: all of it follows from one name."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec

from ...errors import SettingsError

_PREFIX = "hivemind-"
_LONGEST = 40
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_.]+[A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Names:
    """`hivemind-pigeon` is the distribution, `hivemind_pigeon` the module, `pigeon` the plugin; see `named`.

    The distribution, and its folder, is called as the author has typed it; pip and indexes take `My_Counter` and
    `my-counter` for the same name.
    """

    distribution: str
    module: str
    plugin: str


def named(name: str, taken: Collection[str] = ()) -> Names:
    """The names that follow from what the user has said. `taken`: what a plugin can't be called.

    Raises SettingsError for what can't be a name, or already is one.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise SettingsError(
            f"{name[:80]!r} can't name a plugin",
            hint=f"up to {_LONGEST} letters, digits and single hyphens, a letter first: `hivemind-pigeon`",
        )
    normalized = re.sub(r"[-_.]+", "-", name).lower()
    names = Names(name, normalized.replace("-", "_"), normalized.removeprefix(_PREFIX))
    if not names.plugin[0].isalpha() or keyword.iskeyword(names.module):
        raise SettingsError(f"{name!r} can't name a plugin: Python does not take it", hint="choose another name")
    if names.plugin in taken:
        raise SettingsError(
            f"{names.plugin!r} is the name of a plugin that there is: one of the two would not be used",
            hint="choose another name; `hivemind-client plugins` lists those that there are",
        )
    if (where := _module(names.module)) is not None:
        raise SettingsError(
            f"{name!r} can't name a plugin: there is a module {names.module} already ({where})",
            hint=f"choose another name, such as {_PREFIX}{names.plugin}",
        )
    return names


def _module(name: str) -> str | None:
    """Where the module of this name is. None where there is none, or but a folder of that name."""
    spec = find_spec(name)
    return None if spec is None else spec.origin
