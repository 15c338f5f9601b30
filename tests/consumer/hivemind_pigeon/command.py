"""`hivemind-client coo`; a plugin of its own, `command.coo`, so that nothing else is imported for it."""

from __future__ import annotations

import click

from hivemind_sdk.hooks import CommandPlugin, hookimpl

HIVEMIND_API = 1


@click.command("coo")
@click.option("--times", default=1, help="How often.")
def coo(times: int) -> None:
    """Coo."""
    click.echo(" ".join(["coo"] * times))


@hookimpl
def hivemind_commands() -> list[CommandPlugin]:
    return [CommandPlugin(name="coo", create=lambda: coo, help="coo")]
