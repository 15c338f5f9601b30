"""Which plugins are installed and may load. Imports no plugin but by `imported`.

The stages: discover, disabled (or not among `only`), one plugin for each name, one name for each object.

Installers put metadata into folders of `sys.path`, and it is read there: about 2 ms for 150 distributions. What is
elsewhere (zip files, eggs, finders of other tools) is read by importlib_metadata. Importing that takes tens of
milliseconds and replaces the finder of `importlib.metadata` for the whole process, which is undone afterwards.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import reduce
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Any, NamedTuple

from .._startup import dataclass, field
from ..hooks import PROJECT
from ..settings import PluginSettings
from .records import (
    Origin,
    PluginReport,
    PluginState,
    canonical,
    choose,
    conflict_reason,
    described,
    outcome,
    preferred,
)

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


def select(settings: PluginSettings, wanted: frozenset[str], named: frozenset[str] | None = None) -> Selection:
    """What may load of these kinds. `named`: of those whose name says their kind, look at these alone."""
    selection = Selection()
    by_name: dict[str, list[Origin]] = {}
    for origin in _discovered(selection.reports):
        if _is_wanted(origin, wanted, named) and _is_allowed(origin, settings, selection):
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


def _is_wanted(origin: Origin, wanted: frozenset[str], named: frozenset[str] | None) -> bool:
    if not origin.kind:
        return bool(wanted - {"command"})
    return origin.kind in wanted and (named is None or origin.plugin in named)


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


# --- distributions ---

Found = tuple[str, "Distribution | None"]
"""the name of a distribution, and the distribution if it has entry points of the group"""


class Distribution(NamedTuple):
    """An installed distribution with entry points of the group. `fault`: why its metadata can't be read."""

    name: str
    version: str = ""
    entry_points: tuple[tuple[str, str], ...] = ()
    """name and value of each, in the order of the file"""
    fault: Exception | None = None


def distributions(group: str) -> Iterator[Distribution]:
    """Every distribution that has this group. Of several copies on the path the first counts, as for Python itself."""
    path: Iterable[object] = sys.path
    entries = [entry for entry in path if isinstance(entry, str)]
    archives = [entry for entry in entries if _is_archive(entry)]
    finders = [finder for finder in sys.meta_path if _is_foreign(finder)]
    by_library = _by_library(group, archives, finders) if archives or finders else {}
    seen: set[str] = set()
    for entry in [*entries, None]:
        for name, distribution in by_library[entry] if entry in by_library else _in_folder(group, entry):
            key = canonical(name)
            if key not in seen:
                seen.add(key)
                if distribution is not None:
                    yield distribution


def _in_folder(group: str, entry: str | None) -> Iterator[Found]:
    """What lies unpacked in this folder of the path: `NAME-VERSION.dist-info` and `.egg-info`."""
    try:
        children = [] if entry is None else os.listdir(entry or ".")  # noqa: PTH208  pathlib takes three times as long
    except OSError:
        return
    header = f"[{group}]".encode()
    for child in children:
        if child.endswith((".dist-info", ".egg-info")):
            folder = f"{entry or '.'}/{child}"
            name = child[: -len(".dist-info")].partition("-")[0]
            data = _read(f"{folder}/entry_points.txt")
            yield name, _parsed(name, folder, group, data) if header in data else None


def _parsed(name: str, folder: str, group: str, data: bytes) -> Distribution:
    try:
        head = _read(f"{folder}/METADATA") or _read(f"{folder}/PKG-INFO")
        fields = dict(re.findall(r"^(Name|Version):[ \t]*(\S+)", head.decode().partition("\n\n")[0], re.MULTILINE))
        return Distribution(fields["Name"], fields["Version"], tuple(_entry_points(data.decode(), group)))
    except (ValueError, KeyError) as error:
        return Distribution(name, fault=error)


def _entry_points(text: str, group: str) -> Iterator[tuple[str, str]]:
    """The lines `name = value` of the section of this group. Raises ValueError for a line of another form."""
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif line and line[0] not in "#;" and section == group:
            name, equals, value = line.partition("=")
            if not equals:
                raise ValueError(f"a line without `=`: {line[:80]!r}")
            yield name.strip(), value.strip()


def _read(path: str) -> bytes:
    """The content of a file; empty if it can't be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  as above
            return file.read()
    except OSError:
        return b""


# --- what importlib_metadata reads ---


def _is_archive(entry: str) -> bool:
    return entry.endswith(".egg") or os.path.isfile(entry)  # noqa: PTH113  as above


def _is_foreign(finder: Any) -> bool:
    """Whether this finder of distributions is another one than Python's own or importlib_metadata's."""
    kind = finder if isinstance(finder, type) else type(finder)
    own = finder is PathFinder or kind.__module__.partition(".")[0] == "importlib_metadata"
    return not own and hasattr(finder, "find_distributions")


def _by_library(group: str, archives: Iterable[str], finders: Iterable[Any]) -> dict[str | None, list[Found]]:
    """What lies in these entries of the path, and, under None, what these finders find."""
    with _importlib_metadata() as library:
        context, path_finder = library.DistributionFinder.Context, library.MetadataPathFinder()
        found: dict[str | None, list[Found]] = {
            entry: [_converted(group, one) for one in path_finder.find_distributions(context(path=[entry]))]
            for entry in archives
        }
        found[None] = [
            _converted(group, one) for finder in finders for one in finder.find_distributions(context(path=sys.path))
        ]
    return found


def _converted(group: str, found: Any) -> Found:
    """Read all that is needed of a distribution of the library."""
    name = "?"
    try:
        name = found.metadata["Name"] or name
        text = found.read_text("entry_points.txt") or ""
        if f"[{group}]" not in text:
            return name, None
        return name, Distribution(name, found.version, tuple(_entry_points(text, group)))
    except Exception as error:  # noqa: BLE001  anyone's metadata, in any state
        return name, Distribution(name, fault=error)


@contextmanager
def _importlib_metadata() -> Iterator[Any]:
    """The library; afterwards the import system is as it was.

    If the program has imported the library itself, its changes are the program's own and stay. Otherwise its modules
    are removed too, so that a program that imports it later gets all that comes with it.
    """
    if "importlib_metadata" in sys.modules:
        yield sys.modules["importlib_metadata"]
        return
    standard = PathFinder.__dict__.get("find_distributions")
    try:
        import importlib_metadata

        yield importlib_metadata
    finally:
        sys.meta_path[:] = [one for one in sys.meta_path if type(one).__module__ != "importlib_metadata"]
        if standard is not None:
            PathFinder.find_distributions = standard  # type: ignore[method-assign]
        for name in [name for name in sys.modules if name.partition(".")[0] == "importlib_metadata"]:
            del sys.modules[name]
