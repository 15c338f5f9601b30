"""A whole hive in one process: trees, cycles, nodes that die, many floods at once."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from link_kit import LONG, Log
from mesh_kit import ALICE, BOB, CAROL, QUESTION, SPEAK, T, intercom, seal

from hivemind_sdk.contracts import Consume
from hivemind_sdk.contracts.cascade import answers_to
from hivemind_sdk.contracts.observations import Dropped
from hivemind_sdk.engine.dispatch import NamedHandler
from hivemind_sdk.errors import RequestTimeout
from hivemind_sdk.messages import BusMessage, HiveMessage
from hivemind_sdk.testing import EchoAgent, Mesh
from hivemind_sdk.threads import pending as requests


class Ignorant(EchoAgent):
    def query(self, message):
        return None


@pytest.fixture
def mesh():
    with Mesh() as mesh:
        yield mesh


@pytest.fixture
def house(mesh):
    """Three levels: house - floor, cellar - attic, kitchen, wine. Only the house knows answers."""
    mesh.hub("house")
    for hub in ("floor", "cellar"):
        mesh.hub(hub, under="house", agent=Ignorant())
    for name, hub in (("attic", "floor"), ("kitchen", "floor"), ("wine", "cellar")):
        mesh.satellite(name, hub, site_id=name)
    return mesh


def heard_by(satellite, msg_type):
    heard = []
    satellite.on_bus(msg_type, heard.append, inline=True)
    return heard


def arrives(satellite, msg_type):
    """Wait for a bus message on the local bus."""
    log = Log()
    satellite.on_bus(msg_type, log.observe, inline=True)
    return lambda: log.wait(lambda log: log.events)


# --- three levels --------------------------------------------------------------------------------------------------


def test_a_query_goes_up_until_somebody_knows(house):
    stream = list(house.satellites["attic"].query_stream(QUESTION, timeout=LONG))
    assert [(one.responder, one.message.data["utterance"]) for one in stream] == [("house", "echo: hello")]
    assert house.hubs["cellar"].of_type(T.QUERY) == []


def test_where_nobody_up_the_chain_knows_the_top_says_so(house):
    with pytest.raises(RequestTimeout, match="no node up the chain could answer"):
        house.satellites["attic"].query(BusMessage("ovos.utterance.handle", {"utterances": ["!"]}), timeout=LONG)


def test_a_cascade_asks_every_hub(mesh):
    mesh.hub("house")
    mesh.hub("floor", under="house")
    mesh.hub("cellar", under="house")
    attic = mesh.satellite("attic", "floor")
    found = {one.responder for one in attic.cascade(QUESTION, timeout=LONG, expected=3)}
    assert found == {"house", "floor", "cellar"}


def test_a_ping_finds_everybody_once_and_nobody_answers_himself(house):
    attic = house.satellites["attic"]
    pings = attic.ping(timeout=LONG)
    peers = [next(pings).payload["peer"] for _ in range(5)]
    assert sorted(peers) == ["cellar", "floor", "house", "kitchen::kitchen", "wine::wine"]
    assert set(attic.hive_map.nodes) >= set(peers) - {"attic::attic"}
    assert "attic::attic" not in peers
    pings.close()


def test_two_floods_at_once_are_kept_apart(house):
    names = ("attic", "wine")
    with ThreadPoolExecutor() as pool:
        floods = list(pool.map(lambda name: house.satellites[name].ping(timeout=LONG), names))
        found = list(pool.map(lambda flood: [next(flood) for _ in range(5)], floods))
    for name, flood, pings in zip(names, floods, found, strict=True):
        assert {one.payload["flood_id"] for one in pings} == {flood.flood_id}
        assert f"{name}::{name}" not in {one.payload["peer"] for one in pings}
        assert len({one.payload["peer"] for one in pings}) == 5


def test_escalate_goes_up_to_the_site_that_it_names(house):
    attic = house.satellites["attic"]
    answered = arrives(attic, "speak")
    attic.emit(HiveMessage(T.ESCALATE, QUESTION, target_site_id="floor"))
    assert answered()[0].data["utterance"] == "echo: hello"
    house.hubs["house"].wait_for(lambda hub: hub.of_type(T.ESCALATE))
    assert house.hubs["cellar"].of_type(T.ESCALATE) == []


def test_broadcast_goes_down_to_its_site_and_not_up(mesh):
    mesh.hub("house")
    mesh.hub("floor", under="house")
    admin = mesh.satellite("admin", "house", admin=True)
    kitchen = mesh.satellite("kitchen", "floor", site_id="kitchen")
    log = Log()
    attic = mesh.satellite("attic", "floor", site_id="attic", observers=[log])
    arrived, elsewhere = arrives(kitchen, "speak"), heard_by(attic, "speak")
    admin.emit(HiveMessage(T.BROADCAST, SPEAK, target_site_id="kitchen"))
    assert arrived()[0].data == SPEAK.data
    log.wait(lambda log: "other site" in [one.reason for one in log.of(Dropped)])
    assert elsewhere == []


def test_intercom_crosses_the_hive_and_opens_for_one(mesh):
    mesh.hub("house")
    mesh.hub("floor", under="house")
    alice = mesh.satellite("alice", "house", keys=ALICE)
    log = Log()
    bob = mesh.satellite("bob", "floor", keys=BOB, trusted={"alice": ALICE.public}, observers=[log])
    carol_log = Log()
    mesh.satellite("carol", "floor", keys=CAROL, trusted={"alice": ALICE.public}, observers=[carol_log])
    arrived = arrives(bob, "speak")
    alice.intercom(SPEAK, BOB.public)
    heard = arrived()[0]
    assert heard.data == SPEAK.data
    assert heard.context["hivemind_verified_source_peer"] == ALICE.public
    carol_log.wait(lambda log: "intercom for others" in [one.reason for one in log.of(Dropped)])
    passed_on = [message.serialize() for hub in mesh.hubs.values() for _, message in hub.received]
    assert not [text for text in passed_on if SPEAK.data["utterance"] in text]


def test_an_untrusted_satellite_gets_nothing_through(mesh):
    """Forged signature, stripped signature, replay, foreign target: through a hub, by one who is on it."""
    mesh.hub("hub")
    alice = mesh.satellite("alice", "hub", keys=ALICE)
    mallory = mesh.satellite("mallory", "hub", keys=CAROL)
    log = Log()
    bob = mesh.satellite("bob", "hub", keys=BOB, trusted={"alice": ALICE.public}, observers=[log])
    heard, overheard = heard_by(bob, "*"), Log()
    mallory.on_message(T.PROPAGATE, overheard.observe, inline=True)
    alice.intercom(SPEAK, BOB.public)
    replay = overheard.wait(lambda log: log.events)[0]
    forged = intercom(by=CAROL).forward(source_peer="alice::alice")
    stripped = intercom(signature=None)
    foreign = HiveMessage(T.INTERCOM, seal(to=CAROL), target_pubkey=BOB.public)
    for inner in (forged, stripped, replay.payload, foreign):
        mallory.send(HiveMessage(T.PROPAGATE, inner, source_peer="alice::alice"))
    mallory.intercom(SPEAK, BOB.public)
    mallory.send(HiveMessage(T.PROPAGATE, SPEAK, target_site_id=bob.site_id, source_peer="alice::alice"))
    wanted = ["intercom malformed", "replay", "undecryptable", "untrusted", "untrusted", "untrusted"]
    log.wait(lambda log: sorted(one.reason for one in log.of(Dropped)) == wanted)
    assert [one.data for one in heard] == [SPEAK.data]  # alice's, once


# --- cycles and deaths ---------------------------------------------------------------------------------------------


def test_a_cycle_of_hubs_ends_every_flood(mesh):
    for name in "abc":
        mesh.hub(name)
    for lower, upper in ("ab", "bc", "ca"):
        mesh.join(lower, upper)
    sat, other = mesh.satellite("sat", "a"), mesh.satellite("other", "b")
    log = Log()
    other.on_message(T.PROPAGATE, log.observe, inline=True)
    pings = sat.ping(timeout=LONG)
    assert sorted(next(pings).payload["peer"] for _ in range(4)) == ["a", "b", "c", "other::other"]
    found = sat.cascade(QUESTION, timeout=LONG, expected=3)
    assert sorted(one.responder for one in found) == ["a", "b", "c"]
    sat.emit(HiveMessage(T.PROPAGATE, SPEAK, target_site_id="nowhere"))
    log.wait(lambda log: any(one.payload.msg_type is T.BUS for one in log.events))
    assert sat.query(QUESTION)[0].data["utterance"] == "echo: hello"  # nothing hangs
    for hub in mesh.hubs.values():
        assert len(hub.of_type(T.PROPAGATE)) <= 12
        assert len([one for one in hub.of_type(T.PROPAGATE) if one.payload.msg_type is T.BUS]) <= 3  # from both sides


def test_a_node_that_dies_in_the_middle_of_a_cascade_costs_only_its_own_answer(mesh):
    class Dies(Ignorant):
        def query(self, message):
            mesh.lose("doomed")
            return [SPEAK]

    mesh.hub("house")
    mesh.hub("doomed", under="house", agent=Dies())
    mesh.hub("cellar", under="house")
    sat = mesh.satellite("sat", "house", reconnect=False)
    cascade = sat.cascade(QUESTION, timeout=LONG, expected=3)
    assert {next(cascade).responder for _ in range(2)} == {"house", "cellar"}
    cascade.close()
    assert sat.query(QUESTION, timeout=LONG)


# --- fifty nodes ---------------------------------------------------------------------------------------------------


class Responder:
    """A satellite's handler that answers cascades when it is told to: what a third party would write."""

    def __init__(self, name):
        self.name = name
        self.requests = Log()

    def handle(self, message, context):
        if message.metadata.get("is_response"):
            return []
        self.requests.observe(message)
        return [Consume()]

    def answers(self):
        request = self.requests.wait(lambda log: log.events)[0]
        return answers_to(request, [BusMessage("speak", {"utterance": self.name})], self.name)


def test_a_cascade_over_50_nodes_of_which_5_never_answer_gives_the_45_in_order_of_arrival_in_time(mesh, monkeypatch):
    mesh.hub("house", agent=Ignorant())
    floors = [mesh.hub(f"floor-{number}", under="house", agent=Ignorant()).node_id for number in range(5)]
    asker = mesh.satellite("asker", "floor-0")
    nodes = {}
    for number in range(50):
        name = f"node-{number}"
        responder = Responder(name)
        handler = NamedHandler(name, (T.CASCADE,), responder)
        nodes[name] = (mesh.satellite(name, floors[number % 5], handlers=[handler]), responder)
    order = random.Random(50).sample(sorted(nodes), 45)

    later = 0.0
    monkeypatch.setattr(requests, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + later))
    cascade = asker.cascade(QUESTION, timeout=3600, expected=50)
    for name in order:
        satellite, responder = nodes[name]
        for message in responder.answers():
            satellite.send(message)
        assert next(cascade).responder == name
    later = 3600.0
    assert list(cascade) == []
    assert list(cascade.by_responder) == order
    assert {name: len(group) for name, group in cascade.by_responder.items()} == dict.fromkeys(order, 1)
