"""`plugins prefer`: who goes first where several provide one name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ...console import json_option
from .naming import kind_of, unknown

if TYPE_CHECKING:
    from ....plugins.records import Origin, Registration
    from ....settings import PluginSettings


@click.command("prefer")
@click.argument("key", metavar="KIND[:NAME]")
@click.argument("providers", metavar="PROVIDER...", nargs=-1)
@click.option("--forget", is_flag=True, help="Prefer nobody any more; then no PROVIDER is given.")
@json_option()
def command(key: str, providers: tuple[str, ...], forget: bool, as_json: bool) -> None:
    """Say which PROVIDER (distribution, plugin or record) goes first, best first.

    KIND is transport, cipher and so on; with a NAME (a scheme, a cipher) this is for that name alone, and counts more.
    """
    from ....plugins.config import preferring
    from ....settings.plugins import PREFER, plugin_settings, preferences
    from .saving import save

    if forget == bool(providers):
        raise click.UsageError("give either a PROVIDER or --forget")
    settings = plugin_settings()
    kind, name = kind_of(key)
    if forget and key not in settings.prefer:
        unknown("preference for", key, settings.prefer, "KIND[:NAME]")
    if not forget:
        _check(settings, kind, name, providers)
    pairs = {one: names for one, names in {**settings.prefer, key: providers}.items() if names}
    save(
        preferring(key, providers),
        f"for {key} nobody is preferred any more" if forget else f"for {key} this goes first: {', '.join(providers)}",
        {"key": key, "prefer": list(providers)},
        same=f"{PREFER}={','.join(f'{one}={who}' for one, names in pairs.items() for who in names)}",
        overruled_by=PREFER if key in preferences() else "",
        as_json=as_json,
    )


def _check(settings: PluginSettings, kind: str, name: str, providers: tuple[str, ...]) -> None:
    """Raises click.BadParameter for a name that nothing has, and for a provider that does not provide it."""
    from ....plugins.inspection import inspect_plugins
    from ....plugins.records import KINDS, names_of

    inspected = inspect_plugins(settings, frozenset({kind}) & frozenset(KINDS) or frozenset(KINDS))
    rivals: list[tuple[str, Origin | Registration]] = [
        (one.contested[1], one) for one in inspected.candidates if one.contested[0] == kind
    ]
    for registration in inspected.registrations:
        if registration.record.kind == kind:
            rivals += [(contested, registration) for contested in names_of(registration)]
    if name and name not in dict(rivals):
        unknown(kind, name, dict(rivals), "KIND[:NAME]")
    candidates = [one for contested, one in rivals if name in ("", contested)]
    for provider in providers:
        if not any(one.answers_to(provider) for one in candidates):
            known = (called for one in candidates for called in one.called)
            unknown(f"provider of {kind}{':' if name else ''}{name}", provider, known, "PROVIDER")
