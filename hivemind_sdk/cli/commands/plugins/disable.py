"""`plugins disable`: keep a plugin out."""

from __future__ import annotations

import click

from ...console import json_option


@click.command("disable")
@click.argument("name")
@json_option()
def command(name: str, as_json: bool) -> None:
    """Keep the plugin NAME out. It is not even imported; `plugins enable NAME` lets it in again."""
    from ....plugins.config import disabling
    from ....settings.plugins import DISABLED, plugin_settings
    from .naming import plugin_named
    from .saving import is_set, save

    plugin = plugin_named(name).plugin
    save(
        disabling(plugin),
        f"disabled: {plugin}",
        {"disabled": plugin},
        same=f"{DISABLED}={','.join(sorted({plugin, *plugin_settings().disabled}))}",
        overruled_by=is_set(DISABLED),
        as_json=as_json,
    )
