"""`reset-keys`: new RSA keys for this node."""

from __future__ import annotations

import click

from ..console import json_line, json_option, line


@click.command("reset-keys")
@json_option("Print the new public key as JSON.")
@click.pass_obj
def command(app: str | None, as_json: bool) -> None:
    """Make new RSA keys for this node. Who trusts the old public key must be given the new one.

    The key of protocol v3, which hubs have pinned, stays.
    """
    from ...client.node_identity import NodeIdentity

    identity = NodeIdentity(app_name=app)
    identity.create_keys()
    identity.save()
    if as_json:
        json_line({"identity": identity.state.location, "public_key": identity.public_key})
        return
    line(f"PUBKEY: {identity.public_key}")
    line(f"identity saved: {identity.state.location}")
