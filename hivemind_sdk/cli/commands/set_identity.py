"""`set-identity`: remember the hub, the access key and the password of this node."""

from __future__ import annotations

import click

from ..options import asked, identity_options


@click.command("set-identity")
@identity_options
@click.option("--json", "as_json", is_flag=True, help="Print what was saved as JSON (no secrets).")
@click.pass_obj
def command(
    app: str | None,
    key: str | None,
    password: str | None,
    host: str | None,
    port: int | None,
    siteid: str | None,
    as_json: bool,
) -> None:
    """Remember the hub, the access key and the password of this node.

    What is not given stays as it is. RSA keys are made if there are none yet.
    """
    from ...node_identity import NodeIdentity
    from ...settings import Endpoint

    given = {"access_key": key, "password": asked(password), "site_id": siteid, "default_port": port}
    if not host and all(value is None for value in given.values()):
        raise click.UsageError("nothing to remember: give at least one of --key, --password, --host, --port, --siteid")
    identity = NodeIdentity(app_name=app)
    if host:
        endpoint = Endpoint.parse(host, port)
        given["default_master"] = f"{endpoint.scheme}://{endpoint.host_text}{endpoint.path}"
        given["default_port"] = endpoint.port
    for name, value in given.items():
        if value is not None:
            setattr(identity, name, value)
    if not identity.public_key:
        identity.create_keys()
    identity.save()
    if as_json:
        import json

        saved = {name: getattr(identity, name) for name in ("default_master", "default_port", "site_id", "public_key")}
        click.echo(json.dumps({"identity": str(identity.state.location), **saved}))
        return
    click.echo(f"PUBKEY: {identity.public_key}")
    click.echo(f"identity saved: {identity.state.location}")
