"""What plugins should no longer use, since when and what instead; and whether a plugin still does."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..hooks import PluginRecord


@dataclass(frozen=True, slots=True)
class Deprecation:
    """`since`: the version of the SDK that first warned. `instead`: what takes its place, as advice to the author."""

    since: str
    instead: str


DEPRECATED: Mapping[str, Deprecation] = {}
"""What a plugin should no longer use. Written as

- a hook: `hivemind_transports`;
- a field of a record: `CipherPlugin.nonce_size`, used by whoever gives it another value than its default;
- an argument of what a record creates, or of `create` itself: `Handshake.hub(first)`, `IdentityPlugin.create(app)`,
  used by whoever takes it. Seen where `create` is the class, not where it is a function that makes one.
"""


def deprecations(hook: str, records: Iterable[PluginRecord]) -> Iterator[str]:
    """What a plugin with this hook, which returned these records, is to be told: one line each."""
    records = tuple(records)
    for what, deprecation in DEPRECATED.items():
        owner, _, member = what.partition(".")
        if what == hook or any(_uses(record, owner, member) for record in records):
            yield f"uses {what}, deprecated since {deprecation.since}: {deprecation.instead}"


def _uses(record: PluginRecord, owner: str, member: str) -> bool:
    field, is_argument, argument = member.rstrip(")").partition("(")
    if owner in (one.__name__ for one in type(record).__mro__):
        return argument in _arguments(getattr(record, field)) if is_argument else _is_given(record, field)
    if not is_argument or owner != _created(record):
        return False
    return argument in _arguments(getattr(getattr(record, "create", None), field, None))


def _is_given(record: PluginRecord, field: str) -> bool:
    (default,) = (one.default for one in dataclasses.fields(record) if one.name == field)
    return bool(getattr(record, field) != default)


def _arguments(function: Any) -> Iterable[str]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # nothing that can be called, or written in C
        return ()


def _created(record: PluginRecord) -> str:
    """The name of the contract of what this record creates, as its annotation says."""
    contract = typing.get_args(typing.get_type_hints(type(record))["create"])[1]
    return getattr(contract, "__name__", "")
