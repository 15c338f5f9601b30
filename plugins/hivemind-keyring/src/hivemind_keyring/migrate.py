"""The command `keyring-migrate`: secrets that lie in the identity file move into the keyring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivemind_sdk.hooks import CommandPlugin, hookimpl

from .backend import FIELDS, SECRETS

if TYPE_CHECKING:
    import click

HIVEMIND_API = 1
NAME = "keyring-migrate"
_HELP = "Move access key, password and private keys into the keyring."


def create() -> click.Command:
    import click

    @click.command(NAME, help=_HELP)
    @click.pass_context
    def migrate(ctx: click.Context) -> None:
        from hivemind_sdk import NodeIdentity

        identity = NodeIdentity(app_name=ctx.find_object(str)).state
        if not any(hasattr(backend, "keeps") for backend in identity.backends):
            raise click.UsageError("no keyring is in use: set HIVEMIND_IDENTITY=keyring,file")
        fields = {name: identity.read(name) for name in FIELDS}
        secrets = {name: identity.read_secret(name) for name in SECRETS}
        for name, value in fields.items():
            if value is not None:
                identity.move(name)
        for name, text in secrets.items():
            if text is not None:
                identity.write_secret(name, text)
        moved = [name for name, value in {**fields, **secrets}.items() if value is not None]
        click.echo(f"in the keyring: {', '.join(moved) or 'nothing, since there was nothing'}")

    return migrate


@hookimpl
def hivemind_commands() -> list[CommandPlugin]:
    return [CommandPlugin(name=NAME, create=create, help=_HELP)]
