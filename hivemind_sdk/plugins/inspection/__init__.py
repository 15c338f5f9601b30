"""Inspection of plugins, each imported in a process of its own, so that none harms the caller or another plugin.

Conflicts are resolved as by the loader, on what the processes report. A process isolates a plugin that exits, hangs or
floods the terminal; it is no sandbox, and what a plugin reports need not be true.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from ..._startup import dataclass, field
from ...settings import PluginSettings
from ..catalogue import Catalogue
from ..entrypoints import select
from ..records import KINDS, Origin, PluginReport, PluginState, Registration
from .facts import Facts, written
from .processes import ask

LIMIT = 10.0
"""seconds for one plugin: heavy libraries on a small machine need some"""
_CHILD = "import sys; sys.path[:] = sys.argv[2:]; from {package}.child import main; main(sys.argv[1], {limit})"
"""the path first: the current folder, which Python puts there, is not one that the program itself looks in"""


@dataclass(frozen=True)
class Inspection:
    """`catalogue` holds records that can't create anything, and every report. `registrations`: also those that lost.

    `facts`: what each plugin that answered says of itself. `candidates`: all that may load, or would but for a name.
    """

    catalogue: Catalogue
    candidates: tuple[Origin, ...] = ()
    registrations: tuple[Registration, ...] = ()
    facts: Mapping[tuple[str, str], Facts] = field(default_factory=dict)
    """by plugin and distribution"""


def inspect_plugins(
    settings: PluginSettings, kinds: frozenset[str] = frozenset(KINDS), *, limit: float = LIMIT
) -> Inspection:
    """Import every plugin of these kinds in a process of its own, for at most `limit` seconds each."""
    selection = select(settings, kinds)
    registrations: list[Registration] = []
    reports = list(selection.reports)
    facts: dict[tuple[str, str], Facts] = {}
    commands = [child_command(__name__, origin, limit) for origin in selection.origins]
    for origin, answer in zip(selection.origins, ask(commands, limit), strict=True):
        try:
            found = Facts.read(answer.line, origin)
        except ValueError:
            reports.append(origin.report(PluginState.BROKEN, answer.failure or "its process reports what is no report"))
            continue
        facts[origin.plugin, origin.provider] = found
        registrations += [one for one in found.registrations if one.record.kind in kinds]
        reports += [found.report] if found.report else []
    catalogue = Catalogue.resolved(registrations, reports, settings.prefer, selection.conflicts)
    return Inspection(catalogue, tuple(selection.candidates), tuple(registrations), facts)


def found(settings: PluginSettings) -> tuple[PluginReport, ...]:
    """The same from metadata alone: no plugin is imported, and what would have to be is `found`."""
    selection = select(settings, frozenset(KINDS))
    reports = [*selection.reports, *(origin.report(PluginState.FOUND) for origin in selection.origins)]
    return tuple(sorted(reports, key=lambda one: (one.name, one.provider)))


def child_command(package: str, origin: Origin, limit: float) -> list[str]:
    """What starts the `main` of `PACKAGE.child` for this plugin, in a process that finds what this one finds."""
    return [sys.executable, "-c", _CHILD.format(package=package, limit=limit), written(origin), *sys.path]
