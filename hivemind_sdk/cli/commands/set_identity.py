"""`set-identity`: remember the hub, the access key and the password of this node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..console import json_line, json_option, line, warn
from ..options import identity_options, name_option

if TYPE_CHECKING:
    from ...client.node_identity import NodeIdentity

_SHOWN = ("name", "default_master", "default_port", "site_id", "lang", "public_key")


@click.command("set-identity")
@json_option("Print what was saved as JSON (no secrets).")
@identity_options
@name_option
@click.option("--lang", metavar="LANG", envvar="HIVEMIND_LANG", help="Language that is spoken here, such as de-de.")
@click.option("--public-key", is_flag=True, help="Print the public RSA key (PEM), for `trust add` of others.")
@click.pass_obj
def command(
    app: str | None,
    /,
    key: str | None,
    password: str | None,
    provisioned_key: str | None,
    host: str | None,
    port: int | None,
    siteid: str | None,
    name: str | None,
    lang: str | None,
    public_key: bool,
    as_json: bool,
) -> None:
    """Remember the hub, the access key, the password, the site, name and language of this node.

    What is not given stays as it is. RSA keys are made if there are none yet. With `--app NAME` before the command,
    that application gets an identity of its own.
    """
    from ...client.node_identity import NodeIdentity
    from ...settings import Credentials

    if not (key or password or provisioned_key or host or port or siteid or name or lang or public_key):
        raise click.UsageError(
            "nothing to remember: give at least one of --key, --password, --host, --port, --siteid, --name, --lang"
        )
    proofs = Credentials(key or "", password or None, None, provisioned_key or None)
    identity = NodeIdentity(app_name=app, shared_fallback=False)
    master, port = _address(identity, host, port)
    given: dict[str, Any] = {
        "access_key": proofs.access_key,
        "password": proofs.password,
        "provisioned_key": proofs.provisioned_key,
        "site_id": siteid,
        "name": name,
        "lang": lang,
        "default_master": master,
        "default_port": port,
    }
    for field, value in given.items():
        if value:
            setattr(identity, field, value)
    if not identity.public_key:
        identity.create_keys(missing=True)
    identity.save()
    if as_json:
        json_line({"identity": identity.state.location, **{field: getattr(identity, field) for field in _SHOWN}})
    else:
        line(f"identity saved: {identity.state.location}")
        if public_key:
            line(str(identity.public_key).strip())
    needed = {"--key": identity.access_key, "--host": identity.default_master}
    missing = [option for option, value in needed.items() if not value]
    if missing:
        warn(f"this identity can't connect yet: it lacks {' and '.join(missing)}")


def _address(identity: NodeIdentity, host: str | None, port: int | None) -> tuple[str | None, int | None]:
    """-> what to store as the hub's address, without a port, and as its port"""
    from ...identity.credentials import endpoint
    from ..linking import dialled

    if not (host or port) or not (host or identity.default_master):
        return None, port
    hub = dialled(endpoint(identity, host, port))
    return (f"{hub.scheme}://{hub.host_text}{hub.path}" if hub.host else str(hub)), hub.port
