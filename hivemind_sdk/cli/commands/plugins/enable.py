"""`plugins enable`: let a plugin load again."""

from __future__ import annotations

import click

from ...console import json_option


@click.command("enable")
@click.argument("name")
@json_option()
def command(name: str, as_json: bool) -> None:
    """Let the plugin NAME load: it is disabled no more, and among `plugins.only` where the config file has that."""
    from ....plugins.config import enabling
    from ....settings.plugins import DISABLED, ONLY, plugin_settings
    from .naming import plugin_named
    from .saving import is_set, save

    settings = plugin_settings()
    names = (name,) if name in settings.disabled else plugin_named(name).names  # also what is installed no more
    same = f"{DISABLED}={','.join(sorted(settings.disabled - set(names)))}"
    if settings.only is not None:
        same += f" {ONLY}={','.join(sorted({*settings.only, names[0]}))}"
    overruled = [one for one in (DISABLED, ONLY) if is_set(one)]
    save(
        enabling(names),
        f"enabled: {names[0]}",
        {"enabled": names[0]},
        same=same,
        overruled_by=" and ".join(overruled),
        as_json=as_json,
    )
