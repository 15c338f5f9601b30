"""All plugins that are installed and usable. Immutable. Made by `loader.load`, or from records by hand.

Lookups raise PluginMissing or PluginConflict with one line that says what is missing, why, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from .._startup import dataclass, field, replace
from ..errors import PluginConflict, PluginError, PluginMissing
from .records import Origin, PluginReport, PluginState, Preferences, Registration, Resolution, record_fault, resolve

if TYPE_CHECKING:
    from ..hooks import (
        ApplicationPlugin,
        CipherPlugin,
        CommandPlugin,
        HandlerPlugin,
        HandshakePlugin,
        IdentityPlugin,
        ObserverPlugin,
        PluginRecord,
        PrimitivePlugin,
        ResolverPlugin,
        TransportPlugin,
    )
    from ..messages import HiveMessageType
    from ..settings import Endpoint

V = TypeVar("V")
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_PROTOCOLS = {0: "pre-shared key", 1: "RSA", 2: "password", 3: "Noise"}
_OBSERVERS = frozenset({"counters", "health"})
_PROVIDERS = {"http": "hivemind-http", "https": "hivemind-http", "mqtt": "hivemind-mqtt", "mqtts": "hivemind-mqtt"}
"""URL scheme -> the distribution of this project that serves it"""
_REMEDIES = {
    PluginState.DISABLED: "enable it",
    PluginState.SHADOWED: "prefer it",
    PluginState.CONFLICT: "choose one of them",
    PluginState.INCOMPATIBLE: "install a version of it that fits",
    PluginState.BROKEN: "repair it",
}


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The usable plugins by kind. `ciphers` and `primitives`: wire name -> providers, best first.

    `handshakes`: best first (the user's list, protocol, rank, name). `handlers` and `observers`: by rank, then name.
    `reports`: the state of every plugin that was found, by name. `conflicts`: `kind:name` -> which plugins provide it.
    """

    transports: Mapping[str, TransportPlugin] = field(default_factory=dict)
    """by scheme"""
    ciphers: Mapping[str, tuple[CipherPlugin, ...]] = field(default_factory=dict)
    primitives: Mapping[str, tuple[PrimitivePlugin, ...]] = field(default_factory=dict)
    handshakes: tuple[HandshakePlugin, ...] = ()
    handlers: tuple[HandlerPlugin, ...] = ()
    identities: Mapping[str, IdentityPlugin] = field(default_factory=dict)
    observers: tuple[ObserverPlugin, ...] = ()
    resolvers: Mapping[str, ResolverPlugin] = field(default_factory=dict)
    """by scheme"""
    applications: Mapping[str, ApplicationPlugin] = field(default_factory=dict)
    commands: Mapping[str, CommandPlugin] = field(default_factory=dict)
    reports: tuple[PluginReport, ...] = ()
    conflicts: Mapping[str, str] = field(default_factory=dict)
    registrations: tuple[Registration, ...] = field(default=(), repr=False)
    """the records above, each with its plugin"""
    _shared: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """what is made once for all clients of this catalogue: objects that can have no state of a client"""

    @classmethod
    def of(
        cls, *records: PluginRecord, reports: Iterable[PluginReport] = (), prefer: Preferences = _NOTHING
    ) -> Catalogue:
        """A catalogue of these records, by the same rules as those of plugins; none of them counts as built in.

        Raises PluginError for what is no record.
        """
        faults = [fault for fault in map(record_fault, records) if fault]
        if faults:
            raise PluginError(faults[0])
        registrations = [Registration(record, Origin(record.name)) for record in records]
        return cls.resolved(registrations, reports, prefer)

    @classmethod
    def resolved(
        cls,
        registrations: Sequence[Registration],
        reports: Iterable[PluginReport] = (),
        prefer: Preferences = _NOTHING,
        conflicts: Mapping[str, str] = _NOTHING,
    ) -> Catalogue:
        """Resolve conflicts. `reports` and `conflicts`: plugins that were rejected before they provided a record."""
        result = resolve(registrations, prefer)
        won: Mapping[str, list[Any]] = {kind: [one.record for one in found] for kind, found in result.won.items()}
        every_report = [*reports, *_reports(registrations, result)]
        return cls(
            transports=_frozen({scheme: registration.record for scheme, registration in result.schemes.items()}),
            ciphers=_by_wire_name(won["cipher"], "cipher"),
            primitives=_by_wire_name(won["primitive"], "primitive"),
            handshakes=tuple(won["handshake"]),
            handlers=tuple(won["handler"]),
            identities=_frozen({one.name: one for one in won["identity"]}),
            observers=tuple(won["observer"]),
            resolvers=_frozen({one.name: one for one in won["resolver"]}),
            applications=_frozen({one.name: one for one in won["application"]}),
            commands=_frozen({one.name: one for one in won["command"]}),
            reports=tuple(sorted(every_report, key=lambda one: (one.name, one.provider, one.state))),
            conflicts=_frozen({**conflicts, **result.conflicts}),
            registrations=tuple(registration for found in result.won.values() for registration in found),
        )

    def transport(self, scheme: str) -> TransportPlugin:
        """The transport that serves this URL scheme."""
        scheme = scheme.lower()
        wanted = _PROVIDERS.get(scheme, "")
        return self._found(self.transports, "transport", scheme, f"transport for {scheme!r}", wanted)

    def transport_named(self, name: str) -> TransportPlugin:
        """The transport of this name, whatever its schemes."""
        return self._found({one.name: one for one in self.transports.values()}, "transport", name)

    def with_port(self, endpoint: Endpoint, transport: str | None = None) -> Endpoint:
        """This endpoint; where no port was given, with the one that its transport says. `transport`: the name of one
        that is used whatever the scheme.
        """
        if endpoint.port_given or not endpoint.host:
            return endpoint
        named = (one for one in self.transports.values() if one.name == transport)
        record = next(named, None) if transport else self.transports.get(endpoint.scheme)
        port = record.ports.get(endpoint.scheme) if record is not None else None
        return replace(endpoint, port=port) if port else endpoint

    def resolver(self, scheme: str) -> ResolverPlugin:
        """The resolver of addresses with this scheme."""
        return self._found(self.resolvers, "resolver", scheme)

    def handshake(self, name: str) -> HandshakePlugin:
        return self._found({one.name: one for one in self.handshakes}, "handshake", name)

    def handshakes_in(self, names: Sequence[str]) -> tuple[HandshakePlugin, ...]:
        """These handshakes, in this order; without names all of them, best first. Raises PluginMissing for none."""
        if not names and not self.handshakes:
            raise self._unserved("handshake", "handshake")
        return tuple(self.handshake(name) for name in names) or self.handshakes

    def identity(self, name: str) -> IdentityPlugin:
        return self._found(self.identities, "identity", name)

    def application(self, name: str) -> ApplicationPlugin:
        return self._found(self.applications, "application", name)

    def command(self, name: str) -> CommandPlugin:
        return self._found(self.commands, "command", name)

    def primitive(self, name: str) -> PrimitivePlugin:
        """The best provider of this primitive."""
        return self._found(self.primitives, "primitive", name)[0]

    def handlers_for(self, msg_type: HiveMessageType) -> tuple[HandlerPlugin, ...]:
        """The chain for this type, first to last; empty where nothing handles it."""
        return tuple(one for one in self.handlers if msg_type in one.types)

    def origin(self, record: PluginRecord) -> Origin:
        """The plugin that this record came from; for one that came from elsewhere, one with the record's own name."""
        return next((one.origin for one in self.registrations if one.record is record), Origin(record.name))

    def missing(self) -> tuple[str, ...]:
        """What a complete satellite has and nothing here provides: one line for each kind. Empty: all there."""
        from ..messages import SETUP_TYPES, HiveMessageType

        spoken = {one.protocol for one in self.handshakes}
        handled = {kind for one in self.handlers for kind in one.types}.union(SETUP_TYPES)
        protocols = ", ".join(f"{number} ({name})" for number, name in _PROTOCOLS.items() if number not in spoken)
        types = ", ".join(kind.name for kind in HiveMessageType if kind not in handled)
        observers = ", ".join(sorted(_OBSERVERS.difference(one.name for one in self.observers)))
        lacks = {
            "transport": "" if self.transports else "transport",
            "cipher": "" if self.ciphers else "cipher",
            "handshake": protocols and f"handshake for protocol {protocols}",
            "handler": types and f"handler for {types} messages",
            "identity": "" if "file" in self.identities else "identity 'file'",
            "observer": observers and f"observer {observers}",
        }
        return tuple(str(self._unserved(kind, what)) for kind, what in lacks.items() if what)

    def _found(self, among: Mapping[str, V], kind: str, name: str, what: str = "", provider: str = "") -> V:
        if name in among:
            return among[name]
        if f"{kind}:{name}" in self.conflicts:
            raise PluginConflict(self.conflicts[f"{kind}:{name}"])
        raise self._unserved(kind, what or f"{kind} {name!r}", sorted(among), provider)

    def _unserved(self, kind: str, what: str, others: Sequence[str] = (), provider: str = "") -> PluginMissing:
        """The one line: what is missing, which plugins might have provided it and why they don't, what to do."""
        there = f" (there is: {', '.join(others)})" if others else ""
        suspects = [
            one for one in self.reports if one.state is not PluginState.ACTIVE and (not one.kinds or kind in one.kinds)
        ]
        states = "; ".join(f"the plugin {one.name} is {one.state} ({one.reason})" for one in suspects)
        remedies = dict.fromkeys(_REMEDIES[one.state] for one in suspects)
        install = provider or ("another" if suspects else "one that provides it")
        advice = " or ".join([*remedies, f"install {install}"])
        return PluginMissing(f"no {what} is installed{there}: {states}{'; ' if states else ''}{advice}")


def _reports(registrations: Sequence[Registration], result: Resolution) -> Iterable[PluginReport]:
    """One report for what each plugin won, and one for each record that it lost."""
    winners = {id(registration) for found in result.won.values() for registration in found}
    won: dict[Origin, list[str]] = {}
    for registration in registrations:
        if id(registration) in winners:
            won.setdefault(registration.origin, []).append(registration.label)
    for origin, labels in won.items():
        yield origin.report(PluginState.ACTIVE, "", tuple(labels))
    lost: dict[tuple[Origin, str, PluginState], list[str]] = {}
    for one in result.rejected:
        lost.setdefault((one.registration.origin, one.registration.label, one.state), []).append(one.reason)
    for (origin, label, state), reasons in lost.items():
        yield origin.report(state, "; ".join(reasons), (label,))


def _by_wire_name(records: Iterable[Any], attribute: str) -> Mapping[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for record in records:
        wire_name = getattr(record, attribute)
        found[wire_name] = (*found.get(wire_name, ()), record)
    return _frozen(found)


def _frozen(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(mapping))
