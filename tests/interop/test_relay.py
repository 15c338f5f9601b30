"""A real hivemind-core with a hub above it, whose link to that hub, and whose whole protocol, is the drop-in's."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from interop.programs import python_of
from interop.satellites import satellite
from interop.servers import Client
from interop.test_links import talks
from mesh_kit import SPEAK, T

from hivemind_sdk import BusMessage, HiveMessage

NEWEST = "5.3.10a1"
GRANTS = {"can_escalate": True, "can_propagate": True}
RELAY = Client("relay", "r" * 32, grants=GRANTS)
ABOVE = Client("above", "a" * 32, admin=True, grants=GRANTS)
BELOW = Client("below", "b" * 32, admin=True, grants=GRANTS)


@pytest.fixture
def hive(start_hub, tmp_path):
    """-> the hub, the relay below it, a satellite of each with what it hears"""
    python_of("hive")
    with ExitStack() as stack:
        hub = start_hub(NEWEST, clients=(RELAY, ABOVE))
        upstream = {"host": hub.host, "port": hub.port, "key": RELAY.key, "password": RELAY.password}
        below = {"folder": tmp_path / "relay", "environment": "hive", "clients": (BELOW,), "upstream": upstream}
        relay = start_hub(NEWEST, **below)
        yield (
            hub,
            relay,
            stack.enter_context(satellite(hub, ABOVE, site_id="above")),
            stack.enter_context(satellite(relay, BELOW, site_id="below")),
        )


def spread(text: str, site: str) -> HiveMessage:
    return HiveMessage(T.BUS, BusMessage("speak", {"utterance": text}), target_site_id=site)


def test_a_hub_that_runs_on_the_drop_in_serves_v3_and_passes_on_what_comes_from_above_and_below(hive):
    hub, _, (above, heard_above), (below, heard_below) = hive
    info = below.status.info
    assert (info.protocol, info.pattern) == (3, "XXpsk2")
    talks(below)
    heard_below.next_bus("speak")
    above.send(HiveMessage(T.BROADCAST, spread("to all", "below"), target_site_id="below"))
    assert heard_below.next_bus("speak").data["utterance"] == "to all"
    below.send(HiveMessage(T.PROPAGATE, HiveMessage(T.PING, {"flood_id": "by-hand", "timestamp": 0.0})))
    hub.wait_for("received", type="propagate")
    below.send(HiveMessage(T.ESCALATE, HiveMessage(T.BUS, SPEAK), target_site_id="hub-site"))
    hub.wait_for("received", type="escalate")
    assert heard_above.drops == []


def test_a_flood_finds_the_relay_once_from_above(hive):
    _, relay, (above, _), (below, _) = hive
    found = [one.payload["peer"] for one in above.ping(timeout=5)]
    halves = [peer for peer in found if peer == relay.public_key or peer.startswith("interop-hub::")]
    assert len(halves) == 1  # as a hub or as a satellite, but not as both
    assert below.peer in found
