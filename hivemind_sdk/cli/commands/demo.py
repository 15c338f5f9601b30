"""`demo`: a hub in this process, a satellite on a real loopback websocket, a short conversation."""

from __future__ import annotations

import json
import secrets
from typing import Any

import click

UTTERANCES = ("hello hive", "what time is it?")


@click.command("demo")
@click.option("--json", "as_json", is_flag=True, help="Print what happened as JSON lines.")
def command(as_json: bool) -> None:
    """Start a hub in this process, connect a satellite to it, and talk.

    Real websocket, real handshake, real encryption; only the hub is a small one. Nothing is read from or written to disk.
    """
    from ...satellite import Satellite
    from ...settings import Credentials, Endpoint, Settings
    from ...testing import Hub, HubClient, MemoryState
    from ..report import described

    say = _json_line if as_json else _line
    key, password = secrets.token_hex(16), secrets.token_hex(16)
    with Hub([HubClient(key, password, name="demo")]).start() as hub:
        say("hub", f"listening on ws://127.0.0.1:{hub.port} (profile {hub.profile.name})", port=hub.port)
        settings = Settings(Endpoint("ws", "127.0.0.1", hub.port), Credentials(key, password), site_id="demo")
        satellite = Satellite(settings, identity=MemoryState())
        satellite.on_state(lambda status: say("state", status.state.value), inline=True)
        try:
            info = satellite.connect()
            say("link", f"{info.handshake} handshake, {info.cipher}, {info.encoding}", **described(info))
            for utterance in UTTERANCES:
                say("you", utterance)
                for reply in satellite.ask(utterance):
                    say("hub", reply.data["utterance"])
        finally:
            satellite.close()
    say("done", "it works. Next: `hivemind-client set-identity`, and a real hub (see docs/how-to)")


_COLOURS = {"state": "cyan", "you": "yellow", "hub": "green", "done": "bright_white"}


def _line(who: str, text: str, **_: Any) -> None:
    click.secho(f"{who:>6} | ", dim=True, nl=False)
    click.secho(text, fg=_COLOURS.get(who))


def _json_line(who: str, text: str, **more: Any) -> None:
    click.echo(json.dumps({"what": who, "text": text, **more}))
