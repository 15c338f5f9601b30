"""`forget-server`: forget the pinned key of a hub, or of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..console import json_line, json_option, line
from ..options import hub_options

if TYPE_CHECKING:
    from ...client.node_identity import NodeIdentity


@click.command("forget-server")
@click.option("--all", "every", is_flag=True, help="Forget all of them.")
@json_option()
@hub_options
@click.pass_obj
def command(app: str | None, host: str | None, port: int | None, every: bool, as_json: bool) -> None:
    """Forget the pinned key of a hub: of the identity's, or that of --host and --port.

    For a hub that was set up anew. The next connection trusts, and pins, whatever key it meets: compare the fingerprint
    that `test-identity` then shows with the hub's.
    """
    from ...client.node_identity import NodeIdentity

    identity = NodeIdentity(app_name=app)
    wanted = list(identity.pinned_noise_keys) if every else [_hub(identity, host, port)]
    forgotten = [hub for hub in wanted if identity.forget_noise_key(hub)]
    left = sorted(identity.pinned_noise_keys)
    if as_json:
        json_line({"forgotten": forgotten, "pinned": left})
        return
    for hub in forgotten:
        line(f"forgot pinned key for {hub}")
    if forgotten:
        line("the next connection will trust and pin the key it sees")
        return
    line("no pinned keys" if every else f"no pinned key for {wanted[0]}")
    line(f"pinned servers: {', '.join(left) or 'none'}")


def _hub(identity: NodeIdentity, host: str | None, port: int | None) -> str:
    """Under which name it is pinned."""
    from ...identity.credentials import endpoint
    from ..linking import dialled

    return dialled(endpoint(identity, host, port)).pin_name
