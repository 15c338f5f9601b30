"""Which plugins are installed and may load. Imports no plugin but by `imported`.

The stages: discover, disabled (or not among `only`), one plugin for each name, one name for each object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from importlib import import_module
from typing import Any

from .._dataclass import dataclass, field
from ..hooks import PROJECT
from ..settings import PluginSettings
from .conflicts import choose, conflict_reason, outcome, preferred
from .distributions import canonical, distributions
from .records import Origin, PluginReport, PluginState, described

DISTRIBUTION = "hivemind-satellite-sdk"
"""what this distribution registers is built in"""


@dataclass(slots=True)
class Selection:
    """`origins`: what may load, built-ins first, then by name. `reports`: why the others may not.

    `conflicts`: `kind:name` -> which plugins provide it. `candidates`: all that were wanted and allowed.
    """

    origins: list[Origin] = field(default_factory=list)
    reports: list[PluginReport] = field(default_factory=list)
    conflicts: dict[str, str] = field(default_factory=dict)
    candidates: list[Origin] = field(default_factory=list)


def select(settings: PluginSettings, wanted: frozenset[str], only_plugin: str = "") -> Selection:
    """What may load of these kinds. `only_plugin`: look at the plugins of this name alone."""
    selection = Selection()
    by_name: dict[str, list[Origin]] = {}
    for origin in _discovered(selection.reports):
        if _is_wanted(origin, wanted, only_plugin) and _is_allowed(origin, settings, selection):
            selection.candidates.append(origin)
            by_name.setdefault(origin.plugin, []).append(origin)
    chosen = filter(None, [_one_of(candidates, settings, selection) for candidates in by_name.values()])
    selection.origins = list(_unequal(sorted(chosen, key=lambda one: (not one.builtin, one.plugin)), selection))
    return selection


def imported(origin: Origin) -> Any:
    """Import the plugin: `MODULE` or `MODULE:OBJECT`. Raises what importing it raises."""
    module, _, path = origin.value.partition("[")[0].partition(":")
    return reduce(getattr, filter(None, path.strip().split(".")), import_module(module.strip()))


def _discovered(reports: list[PluginReport]) -> Iterator[Origin]:
    """Every entry point of our group; a distribution whose metadata can't be read ends in a report."""
    for one in distributions(PROJECT):
        if one.fault is not None:
            reason = f"the metadata of the distribution can't be read: {described(one.fault)}"
            reports.append(Origin(one.name, provider=one.name).report(PluginState.BROKEN, reason))
        for name, value in one.entry_points:
            yield Origin(name, value, one.name, one.version, canonical(one.name) == DISTRIBUTION)


def _is_wanted(origin: Origin, wanted: frozenset[str], only_plugin: str) -> bool:
    if only_plugin:
        return origin.plugin == only_plugin
    return origin.kind in wanted if origin.kind else bool(wanted - {"command"})


def _is_allowed(origin: Origin, settings: PluginSettings, selection: Selection) -> bool:
    names = frozenset(origin.names)
    reason = ""
    if names & settings.disabled:
        reason = "the settings disable it"
    elif settings.only is not None and not names & settings.only:
        reason = "it is not among the only plugins that the settings allow"
    if reason:
        selection.reports.append(origin.report(PluginState.DISABLED, reason))
    return not reason


def _one_of(candidates: list[Origin], settings: PluginSettings, selection: Selection) -> Origin | None:
    """The one plugin that keeps a name which several distributions give to theirs."""
    if len(candidates) == 1:
        return candidates[0]
    kind, name = candidates[0].contested
    key = f"{kind}:{name}"
    winner = choose(candidates, preferred(settings.prefer, kind, name))
    for one in candidates:
        if one is not winner:
            selection.reports.append(one.report(*outcome(key, one, candidates, winner)))
    if winner is None:
        selection.conflicts[key] = conflict_reason(key, candidates)
    return winner


def _unequal(origins: Iterable[Origin], selection: Selection) -> Iterator[Origin]:
    """Of several names for one object, the first."""
    named: dict[str, str] = {}
    for one in origins:
        first = named.setdefault(one.value, one.plugin)
        if first == one.plugin:
            yield one
        else:
            reason = f"it is the same object as the plugin {first}"
            selection.reports.append(one.report(PluginState.BROKEN, reason))
