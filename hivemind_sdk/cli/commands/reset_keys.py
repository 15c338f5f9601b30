"""`reset-keys`: new RSA keys for this node."""

from __future__ import annotations

import click


@click.command("reset-keys")
@click.option("--json", "as_json", is_flag=True, help="Print the new public key as JSON.")
@click.pass_obj
def command(app: str | None, as_json: bool) -> None:
    """Make new RSA keys for this node. Who trusts the old public key must be given the new one."""
    from ...node_identity import NodeIdentity

    identity = NodeIdentity(app_name=app)
    identity.create_keys()
    identity.save()
    if as_json:
        import json

        click.echo(json.dumps({"identity": str(identity.state.location), "public_key": identity.public_key}))
        return
    click.echo(f"PUBKEY: {identity.public_key}")
    click.echo(f"identity saved: {identity.state.location}")
