"""Plugins as people name them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NoReturn

import click

from ....plugins.inspection import found
from ....plugins.records import KINDS, Origin
from ....settings import PluginSettings

_ALL = PluginSettings()


def installed() -> list[Origin]:
    """Every plugin that is installed, whatever the settings say of it; from metadata."""
    return [Origin(one.name, one.value, one.provider, one.version, one.builtin) for one in found(_ALL)]


def unknown_names(settings: PluginSettings) -> list[str]:
    """What these settings disable, or allow alone, and is the name of no plugin that is installed."""
    named = settings.disabled | (settings.only or frozenset())
    return sorted(named.difference(*(one.names for one in installed()))) if named else []


def plugin_named(name: str) -> Origin:
    """The plugin of this name, full or without its kind. Raises click.BadParameter, with the nearest names."""
    origins = {one.plugin: one for one in installed()}
    if name in origins:
        return origins[name]
    called = [one for one in origins.values() if name in one.names]
    if len(called) > 1:
        names = ", ".join(sorted(one.plugin for one in called))
        raise click.BadParameter(f"{name!r} may be {names}: give the whole name", param_hint="NAME")
    short = {one.names[-1]: one.plugin for one in origins.values()}
    return called[0] if called else unknown("plugin", name, origins, short=short)


def unknown(
    what: str, name: str, known: Iterable[str], hint: str = "NAME", *, short: Mapping[str, str] = MappingProxyType({})
) -> NoReturn:
    """Raises click.BadParameter, which names what comes nearest. `short`: what a known name may also be called."""
    names = {one: one for one in sorted(set(known))}
    near = difflib.get_close_matches(name, {**short, **names}, n=3, cutoff=0.5)
    meant = dict.fromkeys({**short, **names}[one] for one in near)
    advice = f"did you mean {' or '.join(meant)}?" if meant else f"there is: {', '.join([*names][:20]) or 'none'}"
    raise click.BadParameter(f"no {what} {name[:80]!r}; {advice}", param_hint=hint)


def kind_of(key: str) -> tuple[str, str]:
    """`kind` or `kind:name` -> kind, name or nothing. Raises click.BadParameter for a kind that there is not."""
    kind, _, name = key.partition(":")
    if kind not in (*KINDS, "plugin"):
        unknown("kind of plugin", kind, KINDS, "KIND[:NAME]")
    return kind, name
