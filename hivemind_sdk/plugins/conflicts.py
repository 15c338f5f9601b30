"""Who gets a name that several plugins claim. The order of folders and of registration decides nothing.

One name, one owner (transports and their schemes, handshakes, handlers, identities, observers, commands): the one that
the user prefers, else the built-in; the others are *shadowed*. Without either all are in *conflict* and stay out.
One wire name, many providers (ciphers, primitives): all stay, in the order of the user's list, then rank, then name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from .records import KINDS, Claim, Origin, PluginState

Preferences = Mapping[str, Sequence[str]]
"""`kind` or `kind:name` -> providers (distribution, plugin or record), best first"""

_WIRE_NAMES = {"cipher": "cipher", "primitive": "primitive"}
"""kinds of which several may serve one name -> the field with that name"""


class Contender(Protocol):
    """An Origin or a Claim."""

    @property
    def builtin(self) -> bool: ...

    def answers_to(self, name: str) -> bool: ...


C = TypeVar("C", bound=Contender)


@dataclass(frozen=True, slots=True)
class Lost:
    """A claim that did not get its name (or, of a transport, one of its schemes), and why."""

    claim: Claim
    state: PluginState
    reason: str


@dataclass(slots=True)
class Settlement:
    """What came of all claims. `won`: kind -> claims in order."""

    won: dict[str, list[Claim]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    schemes: dict[str, Claim] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    conflicts: dict[str, str] = field(default_factory=dict)
    """`kind:name` -> who claims it, and how to settle it"""


def settle(claims: Iterable[Claim], prefer: Preferences) -> Settlement:
    """Give each name to one of those who claim it, and put the rest in order."""
    result = Settlement()
    for kind, of_kind in _grouped(claims, lambda claim: (claim.record.kind,)).items():
        winners = of_kind
        if kind not in _WIRE_NAMES:
            by_name = _grouped(of_kind, lambda claim: (claim.record.name,))
            winners = list(_owners(result, kind, by_name, prefer).values())
        if kind == "transport":
            by_scheme = _grouped(winners, _schemes)
            result.schemes = _owners(result, kind, by_scheme, prefer)
            owners = {id(claim) for claim in result.schemes.values()}
            winners = [claim for claim in winners if id(claim) in owners]
        result.won[kind] = sorted(winners, key=lambda claim: _place(claim, prefer))
    return result


def names_of(claim: Claim) -> list[str]:
    """What a user may prefer this claim for: its wire name, or its own name and, of a transport, its schemes."""
    kind = claim.record.kind
    if kind in _WIRE_NAMES:
        return [getattr(claim.record, _WIRE_NAMES[kind])]
    return [claim.record.name, *(_schemes(claim) if kind == "transport" else ())]


def choose(contenders: Sequence[C], names: Iterable[str]) -> C | None:
    """The one that the user's list of names tells from the others, else the one built-in; None where there is none."""
    for name in names:
        called = [one for one in contenders if one.answers_to(name)]
        if len(called) == 1:
            return called[0]
    builtin = [one for one in contenders if one.builtin]
    return builtin[0] if len(builtin) == 1 else None


def preferred(prefer: Preferences, kind: str, name: str) -> list[str]:
    """The user's list: what is said of a name goes before what is said of its kind."""
    return [*prefer.get(f"{kind}:{name}", ()), *prefer.get(kind, ())]


def verdict(key: str, mine: Origin, contenders: Sequence[Origin], winner: Origin | None) -> tuple[PluginState, str]:
    """-> the state of one that did not get the name `kind:name`, and a reason that names those who want it"""
    if winner is None:
        return PluginState.CONFLICT, dispute(key, contenders)
    advice = f"to prefer it: {_command(key, mine.provider)}"
    return PluginState.SHADOWED, f"{_quoted(key)} of {mine} is served by {winner}; {advice}"


def dispute(key: str, contenders: Sequence[Origin]) -> str:
    """Who claims the name `kind:name` with the same right, and how to settle it."""
    providers = sorted({origin.provider for origin in contenders})
    advice = f"say which one you prefer: {_command(key, providers[0])}"
    if len(providers) == 1:
        advice = "disable one of them"
    return f"{_quoted(key)} is claimed by {' and by '.join(sorted(map(str, contenders)))}; {advice}"


def _owners(result: Settlement, kind: str, groups: Mapping[str, list[Claim]], prefer: Preferences) -> dict[str, Claim]:
    """Name -> its owner. Writes down who lost, and what nobody got."""
    owners = {}
    for name, contenders in groups.items():
        if len(contenders) == 1:
            owners[name] = contenders[0]
            continue
        winner = choose(contenders, preferred(prefer, kind, name))
        key, origins = f"{kind}:{name}", [claim.origin for claim in contenders]
        for claim in contenders:
            if claim is not winner:
                result.lost.append(Lost(claim, *verdict(key, claim.origin, origins, winner.origin if winner else None)))
        if winner is None:
            result.conflicts[key] = dispute(key, origins)
        else:
            owners[name] = winner
    return owners


def _place(claim: Claim, prefer: Preferences) -> tuple[Any, ...]:
    """Where a claim stands among those of its kind: the user's list, protocol (of handshakes), rank, name."""
    record: Any = claim.record
    names: Sequence[str] = ()
    if record.kind in _WIRE_NAMES:
        names = preferred(prefer, record.kind, getattr(record, _WIRE_NAMES[record.kind]))
    elif record.kind == "handshake":
        names = prefer.get(record.kind, ())
    listed = next((at for at, name in enumerate(names) if claim.answers_to(name)), len(names))
    return listed, -getattr(record, "protocol", 0), -record.rank, record.name, claim.origin.provider


def _schemes(claim: Claim) -> list[str]:
    record: Any = claim.record
    return [scheme.lower() for scheme in record.schemes]


def _grouped(claims: Iterable[Claim], keys: Callable[[Claim], Iterable[str]]) -> dict[str, list[Claim]]:
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        for key in keys(claim):
            groups.setdefault(key, []).append(claim)
    return groups


def _quoted(key: str) -> str:
    kind, _, name = key.partition(":")
    return f"{kind} {name!r}"


def _command(key: str, provider: str) -> str:
    return f"`hivemind-client plugins prefer {key} {provider}`"
