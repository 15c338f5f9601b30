"""Entry points in, a catalogue out. The only file that knows pluggy's manager and the metadata of distributions.

The stages: discover, disabled (or not among `only`), one plugin for each name, import, API version, register, collect,
settle. A plugin that fails one ends in a report with the reason, and takes nothing else down.
"""

from __future__ import annotations

import dataclasses
import difflib
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from .catalogue import Catalogue
from .claims import KINDS, Claim, Origin, PluginReport, PluginState, canonical, record_fault
from .config import plugin_settings
from .errors import PluginConflict, PluginError, SettingsError
from .hooks import (
    API_VERSION,
    PROJECT,
    CipherPlugin,
    CommandPlugin,
    HandlerPlugin,
    HandshakePlugin,
    Hooks,
    IdentityPlugin,
    ObserverPlugin,
    PluginRecord,
    PrimitivePlugin,
    TransportPlugin,
)
from .instances import Instances
from .settings import PluginSettings
from .settle import choose, dispute, preferred, verdict

if TYPE_CHECKING:
    from importlib_metadata import EntryPoint

T = TypeVar("T")

DISTRIBUTION = "hivemind-satellite-sdk"
"""what this distribution registers is built in"""

HOOKS: Mapping[str, type[PluginRecord]] = {
    "hivemind_transports": TransportPlugin,
    "hivemind_ciphers": CipherPlugin,
    "hivemind_primitives": PrimitivePlugin,
    "hivemind_handshakes": HandshakePlugin,
    "hivemind_handlers": HandlerPlugin,
    "hivemind_identities": IdentityPlugin,
    "hivemind_observers": ObserverPlugin,
    "hivemind_commands": CommandPlugin,
}
"""hook -> the records that it returns"""

_shared: dict[tuple[object, ...], Catalogue] = {}
_sharing = threading.RLock()  # a plugin that is being imported may make a client of its own
_TROUBLE = (PluginState.BROKEN, PluginState.INCOMPATIBLE, PluginState.CONFLICT)


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A sub-command as the metadata of its distribution names it; its plugin is not imported."""

    name: str
    plugin: str
    provider: str
    version: str
    builtin: bool


def load(
    settings: PluginSettings | None = None, *, kinds: Collection[str] | None = None, strict: bool = False
) -> Catalogue:
    """Load what is installed. `settings` None: config file and environment.

    `kinds`: what is wanted (None: all but commands); a plugin whose name says that it has none of it is not imported.
    `strict`: raise PluginError (or PluginConflict) where a plugin is broken, incompatible or in conflict; otherwise
    such plugins are only reported. Raises SettingsError for a kind that there is not and for an unreadable config file.
    """
    wanted = frozenset(KINDS) - {"command"} if kinds is None else frozenset(kinds)
    if not wanted <= frozenset(KINDS):
        raise SettingsError(f"no kind of plugin: {', '.join(sorted(wanted - set(KINDS)))}", hint=", ".join(KINDS))
    return _Loading(settings or plugin_settings(), wanted).run(strict=strict)


def shared(settings: PluginSettings | None = None, *, kinds: Collection[str] | None = None) -> Catalogue:
    """What `load` gives, loaded once for all who want the same at the same time: discovering takes tens of
    milliseconds.

    It is kept as long as somebody has it; who wants to see what was installed meanwhile calls `load`.
    """
    settings = settings or plugin_settings()
    prefer = tuple(sorted(settings.prefer.items()))
    key = (settings.only, settings.disabled, prefer, frozenset(kinds or ()), tuple(sys.path))
    with _sharing:
        catalogue = _shared.get(key)
        if catalogue is None:
            catalogue = _shared[key] = load(settings, kinds=kinds)
    return catalogue


def commands(settings: PluginSettings | None = None) -> Mapping[str, CommandEntry]:
    """The sub-commands that could be loaded, by name, from metadata only. Those in conflict are left out."""
    loading = _Loading(settings or plugin_settings(), frozenset({"command"}))
    origins = [found.origin for found in loading.find()]
    return {
        origin.names[1]: CommandEntry(origin.names[1], origin.plugin, origin.provider, origin.version, origin.builtin)
        for origin in sorted(origins, key=lambda one: one.plugin)
    }


def load_command(name: str, settings: PluginSettings | None = None) -> Any:
    """Import the plugin of this one sub-command. -> the click.Command that it creates

    Raises PluginMissing or PluginConflict with the reason, PluginError or OptionError where it can't be created.
    """
    settings = settings or plugin_settings()
    catalogue = _Loading(settings, frozenset({"command"}), f"command.{name}").run()
    return Instances(catalogue, settings).make(catalogue.command(name))


@dataclass(frozen=True, slots=True)
class _Found:
    """An entry point of our group."""

    origin: Origin
    entry_point: EntryPoint

    @property
    def builtin(self) -> bool:
        return self.origin.builtin

    def answers_to(self, name: str) -> bool:
        return self.origin.answers_to(name)


class _RejectedError(Exception):
    """This plugin can't be used: its state and the reason, for the report."""

    def __init__(self, state: PluginState, reason: str) -> None:
        super().__init__(reason)
        self.state, self.reason = state, reason


class _Loading:
    """One run through the stages, with what is known of it so far. `only_plugin`: look at no other."""

    def __init__(self, settings: PluginSettings, wanted: frozenset[str], only_plugin: str = "") -> None:
        import pluggy

        self._settings = settings
        self._wanted = wanted
        self._only_plugin = only_plugin
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        self._claims: list[Claim] = []
        self._reports: list[PluginReport] = []
        self._conflicts: dict[str, str] = {}
        self._first_error: BaseException | None = None

    def run(self, *, strict: bool = False) -> Catalogue:
        for found in self.find():
            self._load_one(found)
        catalogue = Catalogue.settled(self._claims, self._reports, self._settings.prefer, self._conflicts)
        if strict:
            self._complain(catalogue.reports)
        return catalogue

    def find(self) -> list[_Found]:
        """Stages discover to one plugin for each name. Nothing is imported. Built-ins first, then by name."""
        by_name: dict[str, list[_Found]] = {}
        for found in _discover(self._reports):
            if self._is_wanted(found.origin) and self._is_allowed(found.origin):
                by_name.setdefault(found.origin.plugin, []).append(found)
        chosen = [self._one_of(contenders) for contenders in by_name.values()]
        return sorted(filter(None, chosen), key=lambda one: (not one.builtin, one.origin.plugin))

    def _is_wanted(self, origin: Origin) -> bool:
        if self._only_plugin:
            return origin.plugin == self._only_plugin
        return origin.kind in self._wanted if origin.kind else bool(self._wanted - {"command"})

    def _is_allowed(self, origin: Origin) -> bool:
        names = frozenset(origin.names)
        only = self._settings.only
        reason = ""
        if names & self._settings.disabled:
            reason = "the settings disable it"
        elif only is not None and not names & only:
            reason = "it is not among the only plugins that the settings allow"
        if reason:
            self._reports.append(origin.report(PluginState.DISABLED, reason))
        return not reason

    def _one_of(self, contenders: list[_Found]) -> _Found | None:
        """The one plugin that keeps a name which several distributions give to theirs."""
        if len(contenders) == 1:
            return contenders[0]
        origins = [one.origin for one in contenders]
        kind, name = origins[0].kind or "plugin", origins[0].names[-1]
        winner = choose(contenders, preferred(self._settings.prefer, kind, name))
        for one in contenders:
            if one is not winner:
                state, reason = verdict(f"{kind}:{name}", one.origin, origins, winner.origin if winner else None)
                self._reports.append(one.origin.report(state, reason))
        if winner is None:
            self._conflicts[f"{kind}:{name}"] = dispute(f"{kind}:{name}", origins)
        return winner

    def _load_one(self, found: _Found) -> None:
        origin, started = found.origin, time.perf_counter()
        try:
            try:
                plugin = _guarded("import", found.entry_point.load)
            finally:
                origin = dataclasses.replace(origin, import_seconds=time.perf_counter() - started)
            _guarded("API version", _check_version, plugin)
            _guarded("registration", self._register, plugin, origin.plugin)
            records = list(self._collect(plugin, origin))
        except _RejectedError as rejected:
            self._first_error = self._first_error or rejected.__cause__ or rejected
            self._reports.append(origin.report(rejected.state, rejected.reason))
            return
        self._claims += [Claim(record, origin) for record in records]
        if not records:
            reason = "" if self._manager.get_hookcallers(plugin) else "it has no hooks; is @hookimpl forgotten?"
            self._reports.append(origin.report(PluginState.ACTIVE, reason))

    def _register(self, plugin: Any, name: str) -> None:
        other = self._manager.get_name(plugin)
        if other is not None:
            raise _broken(f"it is the same object as the plugin {other}")
        self._manager.register(plugin, name)

    def _collect(self, plugin: Any, origin: Origin) -> Iterator[PluginRecord]:
        """Call this plugin's hooks of the wanted kinds, and check what they return."""
        for caller in self._manager.get_hookcallers(plugin) or ():
            for implementation in caller.get_hookimpls():
                if implementation.plugin is not plugin or (implementation.optionalhook and not caller.has_spec()):
                    continue
                expected = _expected(caller.name, origin)
                if implementation.hookwrapper or implementation.wrapper:
                    raise _broken(f"{caller.name} is a wrapper; hooks of plugins have nothing to wrap")
                if expected.kind in self._wanted:
                    yield from _records(caller.name, implementation.function, expected)

    def _complain(self, reports: Collection[PluginReport]) -> None:
        bad = [one for one in reports if one.state in _TROUBLE]
        if bad:
            kind = PluginConflict if all(one.state is PluginState.CONFLICT for one in bad) else PluginError
            text = "; ".join(f"{one.name} of {one.provider} is {one.state} ({one.reason})" for one in bad)
            raise kind(f"plugins can't be used: {text}") from self._first_error


def _discover(reports: list[PluginReport]) -> Iterator[_Found]:
    """Every entry point of our group; a distribution whose metadata can't be read ends in a report."""
    import importlib_metadata as metadata  # here alone: it takes the place of the standard finder, process-wide

    names: dict[str, None] = {}
    for distribution in metadata.distributions():
        try:  # a text search is much faster than parsing, and most distributions have no plugins
            if f"[{PROJECT}]" in (distribution.read_text("entry_points.txt") or ""):
                names[canonical(distribution.name)] = None
        except Exception as error:  # noqa: BLE001  anyone's metadata, in any state
            reports.append(_unreadable(distribution, error))
    for name in names:
        # the path may hold several copies of one distribution: the first is the one that Python uses
        distribution = metadata.distribution(name)
        try:
            entry_points = [one for one in distribution.entry_points if one.group == PROJECT]
        except Exception as error:  # noqa: BLE001
            reports.append(_unreadable(distribution, error))
            continue
        for one in entry_points:
            builtin = name == DISTRIBUTION
            yield _Found(Origin(one.name, one.value, distribution.name, distribution.version, builtin), one)


def _unreadable(distribution: Any, error: Exception) -> PluginReport:
    try:
        name = distribution.name or "?"
    except Exception:  # noqa: BLE001
        name = "?"
    reason = f"the metadata of the distribution can't be read: {_describe(error)}"
    return Origin(name, provider=name).report(PluginState.BROKEN, reason)


def _check_version(plugin: Any) -> None:
    version = getattr(plugin, "HIVEMIND_API", None)
    if version is None:
        reason = f"it does not say which API it was written for; add HIVEMIND_API = {API_VERSION}"
    elif type(version) is not int or version != API_VERSION:
        reason = f"it was written for API {version!r:.40}, and this is API {API_VERSION}"
    else:
        return
    raise _RejectedError(PluginState.INCOMPATIBLE, reason)


def _expected(hook: str, origin: Origin) -> type[PluginRecord]:
    """The record that this hook of this plugin returns. Rejects hooks that there are not, or that its name excludes."""
    expected = HOOKS.get(hook)
    if expected is None:
        near = difflib.get_close_matches(hook, HOOKS, n=1)
        raise _broken(f"unknown hook {hook!r}" + (f"; did you mean {near[0]}?" if near else ""))
    if origin.kind and expected.kind != origin.kind:
        raise _broken(f"its name says that it provides nothing but {origin.kind}s, and it has {hook}")
    if not origin.kind and expected.kind == "command":
        raise _broken(f"it has {hook}, and commands are found only as command.NAME")
    return expected


def _records(hook: str, function: Callable[[], Any], expected: type[PluginRecord]) -> list[PluginRecord]:
    returned = _guarded(hook, function)
    if isinstance(returned, PluginRecord):
        raise _broken(f"{hook} should return a list of records, not one record")
    # a generator runs, and raises, only here
    records: list[Any] = [] if returned is None else _guarded(hook, list, returned)
    for record in records:
        if not isinstance(record, expected):
            raise _broken(f"{hook} returned {type(record).__name__}, not {expected.__name__}")
        fault = _guarded(hook, record_fault, record)
        if fault:
            raise _broken(f"{hook}: {fault}")
    return records


def _guarded(stage: str, function: Callable[..., T], *arguments: Any) -> T:
    """Run foreign code. Whatever it raises, SystemExit included, rejects the plugin; only Ctrl-C goes through."""
    try:
        return function(*arguments)
    except (KeyboardInterrupt, _RejectedError):
        raise
    except BaseException as error:
        raise _broken(f"{stage}: {_describe(error)}") from error


def _broken(reason: str) -> _RejectedError:
    return _RejectedError(PluginState.BROKEN, reason)


def _describe(error: BaseException) -> str:
    """The exception in one line of bounded length."""
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
