"""`known-servers`: the hubs whose keys are pinned."""

from __future__ import annotations

import click

from ..console import json_line, json_option, line


@click.command("known-servers")
@json_option("Print as JSON.")
@click.pass_obj
def command(app: str | None, as_json: bool) -> None:
    """List the hubs whose keys are pinned: HOST:PORT and fingerprint.

    A hub is pinned when protocol v3 first reaches it; from then on it must show the same key.
    """
    from ...client.node_identity import NodeIdentity

    pins = {hub: _shown(key) for hub, key in sorted(NodeIdentity(app_name=app).pinned_noise_keys.items())}
    if as_json:
        json_line([{"hub": hub, "fingerprint": key} for hub, key in pins.items()])
        return
    width = max(map(len, pins), default=0)
    for hub, key in pins.items():
        line(f"{hub:<{width}}  {key or '(not a key: forget it)'}")
    if not pins:
        line("no pinned servers")


def _shown(key: str) -> str | None:
    from ...identity.public_keys import fingerprint

    try:
        return fingerprint(bytes.fromhex(key))
    except ValueError:
        return None
