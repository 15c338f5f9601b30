"""Who gets a name that several plugins claim. The order of folders and of registration decides nothing.

One name, one owner (transports and their schemes, handshakes, handlers, identities, observers, commands): the one that
the user prefers, else the built-in; the others are *shadowed*. Without either all are in *conflict* and stay out.
One wire name, many providers (ciphers, primitives): all stay, in the order of the user's list, then rank, then name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .claims import KINDS, Claim, Origin, PluginState, canonical

T = TypeVar("T")
Preferences = Mapping[str, Sequence[str]]
"""`kind` or `kind:name` -> providers (distribution, plugin or record), best first"""

_WIRE_NAMES = {"cipher": "cipher", "primitive": "primitive"}
"""kinds of which several may serve one name -> the field with that name"""


@dataclass(frozen=True, slots=True)
class Lost:
    """A claim that did not get its name, and why."""

    claim: Claim
    state: PluginState
    reason: str


@dataclass(slots=True)
class Settlement:
    """What came of all claims. `won`: kind -> claims in order. `schemes` and `providers` are filed under wire names."""

    won: dict[str, list[Claim]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    schemes: dict[str, Claim] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    conflicts: dict[str, str] = field(default_factory=dict)
    """`kind:name` -> who claims it, and how to settle it"""


def settle(claims: Iterable[Claim], prefer: Preferences) -> Settlement:
    """Give each name to one of those who claim it, and put the rest in order."""
    result = Settlement()
    for kind, all_of_kind in _grouped(claims, lambda claim: (claim.record.kind,)).items():
        if kind in _WIRE_NAMES:
            winners = all_of_kind
        else:
            by_name = _grouped(all_of_kind, lambda claim: (claim.record.name,))
            winners = list(_owners(result, kind, "", by_name, prefer).values())
        if kind == "transport":
            by_scheme = _grouped(winners, lambda claim: claim.record.schemes)  # type: ignore[attr-defined]
            result.schemes = _owners(result, kind, "scheme ", by_scheme, prefer)
            winners = [claim for claim in winners if claim in result.schemes.values()]
        result.won[kind] = sorted(winners, key=_order(prefer))
    return result


def choose(contenders: Sequence[T], preferred: Sequence[str], origin_of: Callable[[T], Origin]) -> T | None:
    """The one contender that comes first in the user's list, else the one built-in; None where that is nobody, or several."""
    for name in preferred:
        chosen = [one for one in contenders if _answers_to(origin_of(one), name)]
        if chosen:
            return chosen[0] if len(chosen) == 1 else None
    builtin = [one for one in contenders if origin_of(one).builtin]
    return builtin[0] if len(builtin) == 1 else None


def verdict(what: str, key: str, mine: Origin, others: Sequence[Origin], winner: Origin | None) -> tuple[PluginState, str]:
    """-> the state of one that did not get the name, and a reason that names all who want it"""
    if winner is not None:
        advice = f'it gets it when it is preferred: HIVEMIND_PLUGINS_PREFER="{key}={mine.provider}"'
        return PluginState.SHADOWED, f"{what} of {mine} belongs to {winner}; {advice}"
    return PluginState.CONFLICT, dispute(what, key, others)


def dispute(what: str, key: str, contenders: Sequence[Origin]) -> str:
    """Who claims one name with the same right, and how to settle it."""
    providers = sorted({origin.provider for origin in contenders})
    advice = f'say which one you prefer: HIVEMIND_PLUGINS_PREFER="{key}={providers[0]}"'
    if len(providers) == 1:
        advice = "it should be claimed once"
    return f"{what} is claimed by {' and '.join(sorted(map(str, contenders)))}; {advice}"


def preferred(prefer: Preferences, kind: str, *names: str) -> list[str]:
    """The user's list for these names of a kind: what is said of a name goes before what is said of its kind."""
    return [one for key in (*(f"{kind}:{name}" for name in names), kind) for one in prefer.get(key, ())]


def _owners(
    result: Settlement, kind: str, what: str, groups: Mapping[str, list[Claim]], prefer: Preferences
) -> dict[str, Claim]:
    """Name -> its owner. Writes down who lost, and what nobody got."""
    owners = {}
    for name, contenders in groups.items():
        owner = contenders[0]
        if len(contenders) > 1:
            winner = _choose_claim(contenders, preferred(prefer, kind, name))
            text, key = f"{kind} {what}{name!r}", f"{kind}:{name}"
            origins = [claim.origin for claim in contenders]
            for claim in contenders:
                if claim is not winner:
                    state, reason = verdict(text, key, claim.origin, origins, winner and winner.origin)
                    result.lost.append(Lost(claim, state, reason))
            if winner is None:
                result.conflicts[key] = dispute(text, key, origins)
                continue
            owner = winner
        owners[name] = owner
    return owners


def _choose_claim(contenders: Sequence[Claim], names: Sequence[str]) -> Claim | None:
    # all of them have the same name here, or serve the same scheme under a name of their own
    for name in names:
        called = [claim for claim in contenders if claim.record.name == name]
        if len(called) == 1:
            return called[0]
        if any(_answers_to(claim.origin, name) for claim in contenders):
            break
    return choose(contenders, names, lambda claim: claim.origin)


def _order(prefer: Preferences) -> Callable[[Claim], Any]:
    """The key to sort claims of one kind by: the user's list, protocol (of handshakes), rank, name."""

    def key(claim: Claim) -> Any:
        record: Any = claim.record
        listed = preferred(prefer, record.kind, getattr(record, _WIRE_NAMES.get(record.kind, "name")))
        place = next((at for at, name in enumerate(listed) if _is_called(claim, name)), len(listed))
        return place, -getattr(record, "protocol", 0), -record.rank, record.name, claim.origin.provider

    return key


def _is_called(claim: Claim, name: str) -> bool:
    return claim.record.name == name or _answers_to(claim.origin, name)


def _answers_to(origin: Origin, name: str) -> bool:
    return name in origin.names or canonical(name) == canonical(origin.provider)


def _grouped(claims: Iterable[Claim], keys: Callable[[Claim], Iterable[str]]) -> dict[str, list[Claim]]:
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        for key in keys(claim):
            groups.setdefault(key, []).append(claim)
    return groups
