"""Plugins in, a catalogue out. The only file that knows pluggy's manager.

What `entrypoints` has chosen goes through the stages import, API version, register, collect, settle. A plugin that
fails one ends in a report with the reason, and takes nothing else down.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from .._startup import dataclass, replace
from ..errors import PluginConflict, PluginError, SettingsError
from ..hooks import (
    API_VERSION,
    API_VERSIONS,
    PROJECT,
    ApplicationPlugin,
    CipherPlugin,
    CommandPlugin,
    HandlerPlugin,
    HandshakePlugin,
    Hooks,
    IdentityPlugin,
    ObserverPlugin,
    PluginRecord,
    PrimitivePlugin,
    ResolverPlugin,
    TransportPlugin,
)
from ..settings import PluginSettings
from ..settings.plugins import plugin_settings
from .catalogue import Catalogue
from .entrypoints import imported, select
from .instances import Instances
from .records import KINDS, LINK_KINDS, Origin, PluginReport, PluginState, Registration, described, record_fault

if TYPE_CHECKING:
    from ..contracts import IdentityBackend

T = TypeVar("T")

HOOKS: Mapping[str, type[PluginRecord]] = {
    "hivemind_transports": TransportPlugin,
    "hivemind_ciphers": CipherPlugin,
    "hivemind_primitives": PrimitivePlugin,
    "hivemind_handshakes": HandshakePlugin,
    "hivemind_handlers": HandlerPlugin,
    "hivemind_identities": IdentityPlugin,
    "hivemind_observers": ObserverPlugin,
    "hivemind_resolvers": ResolverPlugin,
    "hivemind_applications": ApplicationPlugin,
    "hivemind_commands": CommandPlugin,
}
"""hook -> the records that it returns"""

_NAMED = frozenset({"identity", "command"})
"""kinds of which a plugin `KIND.NAME` provides NAME and nothing else, so that it is found without importing others"""

_shared: dict[tuple[object, ...], Catalogue] = {}
_TROUBLE = (PluginState.BROKEN, PluginState.INCOMPATIBLE, PluginState.CONFLICT)


def load(
    settings: PluginSettings | None = None, *, kinds: Collection[str] | None = None, strict: bool = False
) -> Catalogue:
    """Load what is installed. `settings` None: config file and environment.

    `kinds`: what is wanted (None: what a satellite is made of, so neither applications nor commands); a plugin whose
    name says that it has none of it is not imported.
    `strict`: raise PluginError (or PluginConflict) where a plugin is broken, incompatible or in conflict; otherwise
    such plugins are only reported. Raises SettingsError for a kind that there is not and for an unreadable config file.
    """
    return _load(settings or plugin_settings(), _wanted(kinds), strict=strict)


def shared(settings: PluginSettings | None = None, *, kinds: Collection[str] | None = None) -> Catalogue:
    """What `load` gives, kept for all who want the same: discovering takes tens of milliseconds. To see what was
    installed meanwhile, call `load`.

    Threads that ask at the same time may each load it; all get the first result. No thread waits for another one, since
    a plugin that is being imported may make a client of its own.
    """
    return _kept(settings or plugin_settings(), _wanted(kinds))


def load_command(name: str, settings: PluginSettings | None = None) -> Any:
    """Import the plugin of this one sub-command. -> the click.Command that it creates

    Raises PluginMissing or PluginConflict with the reason, PluginError or OptionError where it can't be created.
    """
    settings = settings or plugin_settings()
    catalogue = _load(settings, frozenset({"command"}), frozenset({f"command.{name}"}))
    return Instances(catalogue, settings).make(catalogue.command(name))


def load_identities(
    names: Sequence[str],
    settings: PluginSettings | None = None,
    *,
    app: str | None = None,
    file: Mapping[str, Any] | None = None,
) -> tuple[IdentityBackend, ...]:
    """Import the plugins of these identity backends alone. -> what they create for this application, in this order

    `file`: options of the backend `file`. Raises PluginMissing or PluginConflict with the reason, OptionError.
    """
    settings = settings or plugin_settings()
    kinds = frozenset({"identity"})
    catalogue = _kept(settings, kinds, frozenset(f"identity.{name}" for name in names))
    if not catalogue.identities.keys() >= set(names):
        catalogue = _kept(settings, kinds)  # which says what there is instead
    instances = Instances(catalogue, settings)
    return tuple(instances.make(catalogue.identity(name), file if name == "file" else None, app=app) for name in names)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of one plugin. `report` is there where that is already settled, `error` where a plugin raised it.

    `origin` as it is known now, with the time of the import.
    """

    origin: Origin
    registrations: tuple[Registration, ...] = ()
    report: PluginReport | None = None
    error: BaseException | None = None


def load_one(origin: Origin, wanted: frozenset[str], manager: pluggy.PluginManager | None = None) -> Loaded:
    """Import this plugin and collect its records of the wanted kinds. Never raises, but KeyboardInterrupt.

    `manager`: of those that are loaded together.
    """
    manager = manager or _manager()
    started = time.perf_counter()
    try:
        try:
            plugin = _guarded("import", imported, origin)
        finally:
            origin = replace(origin, import_seconds=time.perf_counter() - started)
        _guarded("API version", _check_version, plugin)
        _guarded("registration", manager.register, plugin, origin.plugin)
        collected = list(_collected(plugin, origin, wanted, manager))
    except _RejectedError as rejected:
        report = origin.report(rejected.state, rejected.reason)
        return Loaded(origin, report=report, error=rejected.__cause__ or rejected)
    registrations = tuple(Registration(record, origin) for _, records in collected for record in records)
    if registrations:
        return Loaded(origin, registrations)
    reason = "" if manager.get_hookcallers(plugin) else "it has no hooks; is @hookimpl forgotten?"
    return Loaded(origin, report=origin.report(PluginState.ACTIVE, reason))


class _RejectedError(Exception):
    """This plugin can't be used: its state and the reason, for the report."""

    def __init__(self, state: PluginState, reason: str) -> None:
        super().__init__(reason)
        self.state, self.reason = state, reason


def _wanted(kinds: Collection[str] | None) -> frozenset[str]:
    wanted = LINK_KINDS if kinds is None else frozenset(kinds)
    if not wanted <= frozenset(KINDS):
        raise SettingsError(f"no kind of plugin: {', '.join(sorted(wanted - set(KINDS)))}", hint=", ".join(KINDS))
    return wanted


def _kept(settings: PluginSettings, wanted: frozenset[str], named: frozenset[str] | None = None) -> Catalogue:
    prefer = tuple(sorted(settings.prefer.items()))
    key = (settings.only, settings.disabled, prefer, wanted, named, tuple(sys.path))
    return _shared.get(key) or _shared.setdefault(key, _load(settings, wanted, named))


def _load(
    settings: PluginSettings, wanted: frozenset[str], named: frozenset[str] | None = None, *, strict: bool = False
) -> Catalogue:
    selection, manager = select(settings, wanted, named), _manager()
    loaded = [load_one(origin, wanted, manager) for origin in selection.origins]
    catalogue = Catalogue.resolved(
        [registration for one in loaded for registration in one.registrations],
        [*selection.reports, *(one.report for one in loaded if one.report)],
        settings.prefer,
        selection.conflicts,
    )
    if strict:
        _complain(catalogue.reports, next((one.error for one in loaded if one.error), None))
    return catalogue


def _complain(reports: Collection[PluginReport], cause: BaseException | None) -> None:
    bad = [one for one in reports if one.state in _TROUBLE]
    if bad:
        kind = PluginConflict if all(one.state is PluginState.CONFLICT for one in bad) else PluginError
        text = "; ".join(f"{one.name} of {one.provider} is {one.state} ({one.reason})" for one in bad)
        raise kind(f"plugins can't be used: {text}") from cause


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    return manager


def _collected(
    plugin: Any, origin: Origin, wanted: frozenset[str], manager: pluggy.PluginManager
) -> Iterator[tuple[str, list[PluginRecord]]]:
    """Call this plugin's hooks of the wanted kinds, and check what they return. -> each hook with its records"""
    for caller in manager.get_hookcallers(plugin) or ():
        for implementation in caller.get_hookimpls():
            if implementation.plugin is not plugin or (implementation.optionalhook and not caller.has_spec()):
                continue
            expected = _expected(caller.name, origin)
            if implementation.hookwrapper or implementation.wrapper:
                raise _broken(f"{caller.name} is a wrapper; hooks of plugins have nothing to wrap")
            if expected.kind in wanted:
                records = _records(caller.name, implementation.function, expected, trusted=origin.builtin)
                _check_names(records, origin)
                yield caller.name, records


def _check_names(records: Sequence[PluginRecord], origin: Origin) -> None:
    name = origin.names[-1]
    others = [one.name for one in records if one.name != name] if origin.kind in _NAMED else ()
    if others:
        raise _broken(f"its name says that it provides the {origin.kind} {name!r}, and it has {others[0]!r}")


def _check_version(plugin: Any) -> None:
    version = getattr(plugin, "HIVEMIND_API", None)
    if version is None:
        reason = f"it does not say which API it was written for; add HIVEMIND_API = {API_VERSION}"
    elif type(version) is not int or version not in API_VERSIONS:
        known = ", ".join(map(str, sorted(API_VERSIONS)))
        reason = f"it was written for API {version!r:.40}, and this SDK has API {known}"
    else:
        return
    raise _RejectedError(PluginState.INCOMPATIBLE, reason)


def _expected(hook: str, origin: Origin) -> type[PluginRecord]:
    """The record that this hook of this plugin returns. Rejects hooks that there are not, or that its name excludes."""
    expected = HOOKS.get(hook)
    if expected is None:
        from difflib import get_close_matches

        near = get_close_matches(hook, HOOKS, n=1)
        raise _broken(f"unknown hook {hook!r}" + (f"; did you mean {near[0]}?" if near else ""))
    if origin.kind and expected.kind != origin.kind:
        raise _broken(f"its name says that it provides nothing but {origin.kind}s, and it has {hook}")
    if not origin.kind and expected.kind == "command":
        raise _broken(f"it has {hook}, and commands are found only as command.NAME")
    return expected


def _records(
    hook: str, function: Callable[[], Any], expected: type[PluginRecord], *, trusted: bool
) -> list[PluginRecord]:
    """`trusted`: of a built-in, whose fields our tests check: to do it here would take 4 ms of each start."""
    returned = _guarded(hook, function)
    if isinstance(returned, PluginRecord):
        raise _broken(f"{hook} should return a list of records, not one record")
    # a generator runs, and raises, only here
    records: list[Any] = [] if returned is None else _guarded(hook, list, returned)
    for record in records:
        if not isinstance(record, expected):
            raise _broken(f"{hook} returned {type(record).__name__}, not {expected.__name__}")
        fault = "" if trusted else _guarded(hook, record_fault, record)
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
        raise _broken(f"{stage}: {described(error)}") from error


def _broken(reason: str) -> _RejectedError:
    return _RejectedError(PluginState.BROKEN, reason)
