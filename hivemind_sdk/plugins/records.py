"""Plugins as the loader sees them: where each comes from, the records it registers, its state, and which one is used.

If several provide the same name, the order of folders and of loading does not matter:

One name, one plugin (transports and their schemes, handshakes, handlers, identities, observers, commands): the one that
the user prefers, else the built-in; the others are *shadowed*. Without either all are in *conflict* and none is used.
One wire name, many providers (ciphers, primitives): all are kept, in the order of the user's list, rank, name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .._startup import dataclass, field, fields

if TYPE_CHECKING:
    from ..hooks import PluginRecord

KINDS = (
    *("transport", "cipher", "primitive", "handshake", "handler", "identity", "observer", "resolver"),
    *("application", "command"),
)
"""what a record can be, and the prefixes that the name of an entry point may have"""
LINK_KINDS = frozenset(KINDS) - {"application", "command"}
"""what a satellite is made of; the others use one"""


class PluginState(str, Enum):
    """State of a plugin, or of one of its records."""

    FOUND = "found"
    """it may load, and nobody has tried yet"""
    ACTIVE = "active"
    DISABLED = "disabled"
    """the user's settings keep it out; it was not imported"""
    SHADOWED = "shadowed"
    """another plugin is used for its name, because it is built in or preferred"""
    CONFLICT = "conflict"
    """another plugin provides its name with equal rank; none of them is used"""
    INCOMPATIBLE = "incompatible"
    """written for another version of the contract"""
    BROKEN = "broken"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class PluginReport:
    """State of one plugin. A plugin whose records differ in state has a report for each.

    `name`: of its entry point; `value`: the module there. `provider`: the distribution. `kinds`: as far as known.
    `records`: `kind:name` of what this report is about. `import_seconds`: 0 if it was not imported.
    """

    name: str
    kinds: tuple[str, ...]
    provider: str
    version: str
    value: str
    state: PluginState
    reason: str = ""
    records: tuple[str, ...] = ()
    builtin: bool = False
    import_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plugin comes from: entry point `plugin` = `value` of a distribution `provider`.

    `import_seconds` as in its report, once it is imported.
    """

    plugin: str
    value: str = ""
    provider: str = "this program"
    version: str = ""
    builtin: bool = False
    import_seconds: float = 0.0

    @property
    def kind(self) -> str:
        """The only kind that it provides, by the prefix of its name; empty where the name has none."""
        prefix, dot, rest = self.plugin.partition(".")
        return prefix if dot and rest and prefix in KINDS else ""

    @property
    def names(self) -> tuple[str, ...]:
        """What users may call the plugin: its name, and its name without the kind."""
        return (self.plugin, self.plugin.partition(".")[2]) if self.kind else (self.plugin,)

    @property
    def contested(self) -> tuple[str, str]:
        """Kind and name by which another plugin may be called as well; the kind is `plugin` if its name has none."""
        return self.kind or "plugin", self.names[-1]

    @property
    def called(self) -> tuple[str, ...]:
        """All names by which a user may single it out."""
        return (*self.names, self.provider)

    def answers_to(self, name: str) -> bool:
        """Whether a user who says `name` means this plugin, or its distribution."""
        return name in self.names or canonical(name) == canonical(self.provider)

    def report(self, state: PluginState, reason: str = "", records: tuple[str, ...] = ()) -> PluginReport:
        """A report on this plugin, or on these `records` of it."""
        kinds = dict.fromkeys(label.partition(":")[0] for label in records) or filter(None, [self.kind])
        return PluginReport(
            self.plugin,
            tuple(kinds),
            self.provider,
            self.version,
            self.value,
            state,
            reason,
            records,
            self.builtin,
            self.import_seconds,
        )

    def __str__(self) -> str:
        version = f" {self.version}" if self.version else ""
        return f"{self.provider}{version} (plugin {self.plugin})"


@dataclass(frozen=True, slots=True)
class Registration:
    """A record, and the plugin that it came from."""

    record: PluginRecord
    origin: Origin

    @property
    def builtin(self) -> bool:
        return self.origin.builtin

    @property
    def called(self) -> tuple[str, ...]:
        return (self.record.name, *self.origin.called)

    def answers_to(self, name: str) -> bool:
        """Whether a user who says `name` means this record, its plugin, or its distribution."""
        return name == self.record.name or self.origin.answers_to(name)

    @property
    def label(self) -> str:
        """`kind:name`, as in reports."""
        return f"{self.record.kind}:{self.record.name}"


def record_fault(record: Any) -> str:
    """What is wrong with what a plugin calls a record; empty where nothing is."""
    kind = getattr(type(record), "kind", None)
    if kind not in KINDS:
        return f"{type(record).__name__} is no record of a plugin"
    from .. import contracts
    from ..messages import HiveMessageType
    from .typehints import field_fault, schema_fault

    named = {**vars(contracts), "HiveMessageType": HiveMessageType}  # what the fields of records name
    fault = field_fault(record, named) or (record.options is not None and schema_fault(record.options)) or ""
    if not fault:
        empty = [one.name for one in fields(record) if getattr(record, one.name) == () or not record.name]
        fault = f"{empty[0]} is empty" if empty else ""
    return f"the {kind} {record.name!r}: {fault}" if fault else ""


def described(error: BaseException) -> str:
    """The exception in one line of bounded length."""
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def canonical(name: str) -> str:
    """The name of a distribution in the form that PEP 503 compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


# --- which one is used ---

Preferences = Mapping[str, Sequence[str]]
"""`kind` or `kind:name` -> providers (distribution, plugin or record), best first"""

_WIRE_NAMES = {"cipher": "cipher", "primitive": "primitive"}
"""kinds of which several may serve one name -> the field with that name"""


class Candidate(Protocol):
    """An Origin or a Registration."""

    @property
    def builtin(self) -> bool: ...

    def answers_to(self, name: str) -> bool: ...


C = TypeVar("C", bound=Candidate)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A registration that is not used for its name (or, of a transport, for one of its schemes), and why."""

    registration: Registration
    state: PluginState
    reason: str


@dataclass(slots=True)
class Resolution:
    """The result of `resolve`. `won`: kind -> the registrations that are used, in order."""

    won: dict[str, list[Registration]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    schemes: dict[str, Registration] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    conflicts: dict[str, str] = field(default_factory=dict)
    """`kind:name` -> which plugins provide it, and what the user can do"""


def resolve(registrations: Iterable[Registration], prefer: Preferences) -> Resolution:
    """Choose one registration for each name that may have one, and sort the others."""
    result = Resolution()
    for kind, of_kind in _grouped(registrations, lambda registration: (registration.record.kind,)).items():
        winners = of_kind
        if kind not in _WIRE_NAMES:
            by_name = _grouped(of_kind, lambda registration: (registration.record.name,))
            winners = list(_owners(result, kind, by_name, prefer).values())
        if kind == "transport":
            by_scheme = _grouped(winners, _schemes)
            result.schemes = _owners(result, kind, by_scheme, prefer)
            owners = {id(registration) for registration in result.schemes.values()}
            winners = [registration for registration in winners if id(registration) in owners]
        result.won[kind] = sorted(winners, key=lambda registration: _place(registration, prefer))
    return result


def names_of(registration: Registration) -> list[str]:
    """What a user may prefer this registration for: its wire name, or its own name and, of a transport, its schemes."""
    kind = registration.record.kind
    if kind in _WIRE_NAMES:
        return [getattr(registration.record, _WIRE_NAMES[kind])]
    return [registration.record.name, *(_schemes(registration) if kind == "transport" else ())]


def choose(candidates: Sequence[C], names: Iterable[str]) -> C | None:
    """The first candidate that the user's names single out, else the only built-in; None if there is none."""
    for name in names:
        called = [one for one in candidates if one.answers_to(name)]
        if len(called) == 1:
            return called[0]
    builtin = [one for one in candidates if one.builtin]
    return builtin[0] if len(builtin) == 1 else None


def preferred(prefer: Preferences, kind: str, name: str) -> list[str]:
    """The user's list: what is said of a name goes before what is said of its kind."""
    return [*prefer.get(f"{kind}:{name}", ()), *prefer.get(kind, ())]


def outcome(key: str, mine: Origin, candidates: Sequence[Origin], winner: Origin | None) -> tuple[PluginState, str]:
    """State and reason of a plugin that is not used for the name `kind:name`."""
    if winner is None:
        return PluginState.CONFLICT, conflict_reason(key, candidates)
    advice = f"to prefer it: {_command(key, mine.provider)}"
    return PluginState.SHADOWED, f"{_quoted(key)} of {mine} is served by {winner}; {advice}"


def conflict_reason(key: str, candidates: Sequence[Origin]) -> str:
    """Which plugins provide `kind:name` with equal rank, and how the user can choose."""
    providers = sorted({origin.provider for origin in candidates})
    advice = f"say which one you prefer: {_command(key, providers[0])}"
    if len(providers) == 1:
        advice = "disable one of them"
    return f"{_quoted(key)} is provided by {' and by '.join(sorted(map(str, candidates)))}; {advice}"


def _owners(
    result: Resolution, kind: str, groups: Mapping[str, list[Registration]], prefer: Preferences
) -> dict[str, Registration]:
    """Name -> the registration that is used. Adds the others to `result.rejected`, unresolved names to `.conflicts`."""
    owners = {}
    for name, candidates in groups.items():
        if len(candidates) == 1:
            owners[name] = candidates[0]
            continue
        winner = choose(candidates, preferred(prefer, kind, name))
        key, origins = f"{kind}:{name}", [registration.origin for registration in candidates]
        for registration in candidates:
            if registration is not winner:
                result.rejected.append(
                    Rejected(
                        registration, *outcome(key, registration.origin, origins, winner.origin if winner else None)
                    )
                )
        if winner is None:
            result.conflicts[key] = conflict_reason(key, origins)
        else:
            owners[name] = winner
    return owners


def _place(registration: Registration, prefer: Preferences) -> tuple[Any, ...]:
    """Sort key within a kind: the user's list, protocol (of handshakes), rank, name."""
    record: Any = registration.record
    names: Sequence[str] = ()
    if record.kind in _WIRE_NAMES:
        names = preferred(prefer, record.kind, getattr(record, _WIRE_NAMES[record.kind]))
    elif record.kind == "handshake":
        names = prefer.get(record.kind, ())
    listed = next((at for at, name in enumerate(names) if registration.answers_to(name)), len(names))
    return listed, -getattr(record, "protocol", 0), -record.rank, record.name, registration.origin.provider


def _schemes(registration: Registration) -> list[str]:
    record: Any = registration.record
    return [scheme.lower() for scheme in record.schemes]


def _grouped(
    registrations: Iterable[Registration], keys: Callable[[Registration], Iterable[str]]
) -> dict[str, list[Registration]]:
    groups: dict[str, list[Registration]] = {}
    for registration in registrations:
        for key in keys(registration):
            groups.setdefault(key, []).append(registration)
    return groups


def _quoted(key: str) -> str:
    kind, _, name = key.partition(":")
    return f"{kind} {name!r}"


def _command(key: str, provider: str) -> str:
    return f"`hivemind-client plugins prefer {key} {provider}`"
