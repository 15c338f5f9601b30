"""`hivemind-client discover`: the hubs that announce themselves here, and a link with one of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from hivemind_sdk.hooks import CommandPlugin, hookimpl

if TYPE_CHECKING:
    from .found import FoundHub

HIVEMIND_API = 1


@click.command("discover")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=3.0, show_default=True, help="Seconds to look.")
@click.option("--name", help="Only hubs that announce themselves by this name.")
@click.option("--connect", is_flag=True, help="Link with the hub that is found, as this identity.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def discover(app: str | None, timeout: float, name: str | None, connect: bool, as_json: bool) -> None:
    """Find the hubs on this network that announce themselves.

    A hub announces itself with hivemind-presence, by mDNS or SSDP. What it says there proves nothing: a link does, by
    its key and the password.
    """
    from .found import IN_CLEAR, clean
    from .scan import look

    hubs = [hub for hub in look(timeout) if name is None or hub.name == clean(name)]
    if not as_json:
        for text in _table(hubs):
            click.echo(text)
    if not connect:
        if as_json:
            click.echo(json.dumps({"hubs": [_described(hub) for hub in hubs]}))
        return
    chosen = _chosen(hubs, ask=not as_json)
    if chosen.endpoint.scheme == "ws":
        click.secho(f"Warning: {IN_CLEAR}", fg="yellow", err=True)
    info = _linked(app, chosen)
    if as_json:
        click.echo(json.dumps({"hubs": [_described(hub) for hub in hubs], "connected": {**_described(chosen), **info}}))
    else:
        click.secho(f"linked with {chosen.name!r} at {chosen.endpoint}, key {info['hub_key'] or 'unknown'}", fg="green")
        click.echo(f"to keep it: hivemind-client set-identity --host {chosen.endpoint}")


def _described(hub: FoundHub) -> dict[str, Any]:
    return {"name": hub.name, "url": str(hub.endpoint), "by": hub.by}


def _table(hubs: list[FoundHub]) -> Iterable[str]:
    if not hubs:
        yield "no hub announces itself here"
        yield "a hub does with `pip install hivemind-presence zeroconf`, or is given by its address: --host"
        return
    width = max(len(hub.name) for hub in hubs)
    for hub in hubs:
        yield f"{hub.name:<{width}}  {hub.endpoint}  ({hub.by})"


def _chosen(hubs: list[FoundHub], *, ask: bool) -> FoundHub:
    """The one there is, or that the user picks. Raises Unreachable, UsageError."""
    from hivemind_sdk.errors import Unreachable

    if not hubs:
        raise Unreachable("no hub announces itself here", hint="give its address with --host to other commands")
    if len(hubs) == 1:
        return hubs[0]
    if not ask or not sys.stdin.isatty():
        raise click.UsageError(f"{len(hubs)} hubs announce themselves: choose one with --name")
    for number, hub in enumerate(hubs, 1):
        click.echo(f"{number}: {hub.name}  {hub.endpoint}")
    return hubs[int(click.prompt("which one", type=click.IntRange(1, len(hubs)))) - 1]


def _linked(app: str | None, hub: FoundHub) -> dict[str, Any]:
    """Connect, once. -> what was negotiated. Raises the errors of a link."""
    from hivemind_sdk import HiveMessageBusClient, NodeIdentity

    client = HiveMessageBusClient(host=str(hub.endpoint), port=hub.endpoint.port, identity=NodeIdentity(app_name=app))
    try:
        info = client.connect()
        return {"hub_key": info.hub_key, "protocol": info.protocol, "cipher": info.cipher}
    finally:
        client.close()


@hookimpl
def hivemind_commands() -> Iterable[CommandPlugin]:
    return [CommandPlugin(name="discover", create=lambda: discover, help="find hubs on this network")]
