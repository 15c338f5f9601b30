"""`demo`: a hub in this process, a satellite on a real loopback websocket, a short conversation."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import click

from .. import report
from ..console import json_line, json_option

PROFILE = "5.3.10a1"
UTTERANCES = ("hello hive", "what time is it?")
_COLOURS = {"state": "cyan", "link": "magenta", "key": "magenta", "you": "yellow", "hub": "green"}


@click.command("demo")
@json_option("Print what happens as lines of JSON.")
def command(as_json: bool) -> None:
    """Start a hub in this process, connect a satellite to it, and talk.

    Real websocket, real handshake, real encryption; only the hub is a small one. Needs no network but loopback, reads
    no identity, and writes nothing to disk.
    """
    from ...satellite.satellite import Satellite
    from ...settings import Credentials, Endpoint, Settings
    from ...testing import Hub, HubClient, MemoryState

    say: Callable[..., None] = _json if as_json else _line
    key, password = secrets.token_hex(16), secrets.token_hex(16)
    with Hub([HubClient(key, password, name="demo")], PROFILE) as hub:
        hub.start()
        say("hub", f"listening on ws://127.0.0.1:{hub.port}, as hivemind-core {PROFILE} does", port=hub.port)
        settings = Settings(Endpoint("ws", "127.0.0.1", hub.port), Credentials(key, password), site_id="demo")
        satellite = Satellite(settings, identity=MemoryState())
        satellite.on_state(lambda status: say("state", status.state.value), inline=True)
        try:
            info = satellite.connect()
            how = f"protocol {info.protocol}: {info.handshake} {info.pattern}, {info.suite}"
            say("link", how, **report.described(info))
            say("key", f"{info.hub_key}, the hub's")
            for utterance in UTTERANCES:
                say("you", utterance)
                for reply in satellite.ask(utterance):
                    say("hub", reply.data["utterance"])
        finally:
            satellite.close()
    say("done", "It works. Next: `hivemind-client set-identity`, and a hub of your own.")


def _line(who: str, text: str, **_: Any) -> None:
    told = click.style(text, fg=_COLOURS.get(who), bold=who == "done" or None)
    click.echo(click.style(f"{who:>6} | ", dim=True) + told)


def _json(who: str, text: str, **more: Any) -> None:
    json_line({"what": who, "text": text, **more})
