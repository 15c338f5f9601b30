"""Draws hive.svg, the picture on the page `Draw the hive`: `python docs/assets/hive.py`.

The hive is made up, so that the picture is always the same; a real one is drawn by `hivemind-client map -o hive.svg`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from hivemind_sdk.messages import HiveMessage, HiveMessageType
from hivemind_sdk.topology import HiveMapper, render_svg

US = "speaker::000"


class Node(NamedTuple):
    name: str
    site: str
    rtt_ms: float
    under: str = ""
    trusted: bool = False


HUBS = (
    Node("home", "home", 4.1),
    Node("workshop", "workshop", 22.0, under="home", trusted=True),
    Node("summer-house", "summer-house", 96.0, under="home"),
)
SATELLITES = (
    Node("kitchen-pi", "kitchen", 9.4, "home", trusted=True),
    Node("bedroom-mic", "bedroom", 14.2, "home"),
    Node("anna's phone", "hallway", 61.0, "home"),
    Node("lathe", "workshop", 31.0, "workshop"),
    Node("bench", "workshop", 28.0, "workshop", trusted=True),
    Node("porch", "porch", 120.0, "summer-house"),
    Node("boat-shed", "lake", 410.0, "summer-house"),
)
ABOVE = {hub.name: hub.under for hub in HUBS}


def key(name: str) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{name}\n-----END PUBLIC KEY-----\n"


def connection(name: str) -> str:
    """How a hub names the link of this node."""
    return f"satellite::1::{name}::{name}"


def route(name: str, under: str) -> list[str]:
    """The way from a node to us, who hang on `home`, as hubs write it down."""
    hops = [connection(name), key(under)] if under else []
    while ABOVE.get(under):
        hops += [connection(under), key(ABOVE[under])]
        under = ABOVE[under]
    return hops


def announcement(node: Node) -> HiveMessage:
    peer = key(node.name) if node in HUBS else f"{node.name}::{node.name}"
    said = {
        "flood_id": node.name,
        "peer": peer,
        "site_id": node.site,
        "public_key": key(node.name),
    }
    hops = [
        {"source": name, "targets": [name]}
        for name in route(node.name, node.under)
    ]
    return HiveMessage(HiveMessageType.PING, said, route=hops)


def draw() -> str:
    now = 0.0
    hive = HiveMapper(clock=lambda: now)
    hive.set_origin(US, key("home"))
    hive.mark_trusted_nodes(
        {
            node.name: key(node.name)
            for node in (*HUBS, *SATELLITES)
            if node.trusted
        }
    )
    for node in (*HUBS, *SATELLITES):
        hive.start_ping(node.name, now - node.rtt_ms / 1000)
        hive.on_ping(announcement(node))
    return render_svg(hive, title="A hive")


if __name__ == "__main__":
    Path(__file__).with_name("hive.svg").write_text(draw(), encoding="utf-8")
