"""The mesh on the real servers: verbs up and down, INTERCOM between two satellites and what a third one tries."""

from __future__ import annotations

import queue
from contextlib import ExitStack

import pytest
from interop.satellites import Heard, satellite
from interop.servers import Client, Server
from interop.test_links import talks
from mesh_kit import ALICE, BOB, CAROL, SPEAK, T, intercom, seal

from hivemind_sdk import BusMessage, HiveMessage, Satellite
from hivemind_sdk.testing import MemoryState

ROUTING = ("4.6.1a1", "4.15.0a1", "5.3.10a1")
"""servers that pass verbs on without aborting the sender's link"""
HUB_SITE = "hub-site"
CLIENTS = tuple(Client(name, name[0] * 32, admin=name == "alice") for name in ("alice", "bob", "mallory"))
QUESTION = BusMessage("recognizer_loop:utterance", {"utterances": ["hello"], "lang": "en-us"})


def identity(keys, trusted=None, name="sat") -> MemoryState:
    state = MemoryState(name=name, public_key=keys.public, trusted_keys=trusted or {})
    state.write_secret("private.pem", keys.private)
    return state


@pytest.fixture(params=[*ROUTING, *(f"{version} offering binary" for version in ROUTING)])
def hive(request, start_hub):
    """Also where the hub offers binary frames: by default we do not take the offer.

    -> the hub; alice (an admin), bob (who trusts alice) and mallory, each with what is heard there"""
    version, _, offers = request.param.partition(" offering ")
    hub: Server = start_hub(version, clients=CLIENTS, binarize=bool(offers))
    states = (identity(ALICE), identity(BOB, {"alice": ALICE.public}), identity(CAROL))
    with ExitStack() as stack:
        sats = [
            stack.enter_context(satellite(hub, client, state=state, site_id=client.name))
            for client, state in zip(CLIENTS, states, strict=True)
        ]
        hub.wait_for_nth("hello", len(CLIENTS))
        yield hub, *sats


def drops(heard: Heard, count: int) -> list[str]:
    """The first reasons for which something was dropped, `count` of them."""
    while len(heard.drops) < count:
        heard.dropped.wait(10) or pytest.fail(f"dropped only {heard.drops}")
        heard.dropped.clear()
    return heard.drops


def test_intercom_between_two_satellites_and_nothing_from_a_third(hive):
    hub, (alice, _), (_, heard), (mallory, overheard) = hive
    seen: list[HiveMessage] = []
    for kind in (T.PROPAGATE, T.INTERCOM):  # 4.6 takes the wrapper off
        mallory.on_message(kind, seen.append, inline=True)
    alice.intercom(SPEAK, BOB.public)
    message = heard.next_bus("speak")
    assert message.data == SPEAK.data
    assert message.context["hivemind_verified_source_peer"] == ALICE.public
    assert drops(overheard, 1) == ["intercom for others"]
    recorded = seen[0] if seen[0].msg_type is T.INTERCOM else seen[0].payload
    another_of_alice = intercom(BusMessage("another"))
    attacks = {
        "replay": (recorded, "replay"),
        "signed by a stranger who says that he is alice": (
            intercom(by=CAROL).forward(source_peer=alice.peer),
            "untrusted",
        ),
        "forged signature": (intercom(signature=another_of_alice.payload["signature"]), "untrusted"),
        "stripped signature": (intercom(signature=None), "intercom malformed"),
        "sealed for another, named to bob": (
            HiveMessage(T.INTERCOM, seal(to=CAROL), target_pubkey=BOB.public),
            "undecryptable",
        ),
        "foreign target": (intercom(to=CAROL, target=ALICE), "intercom for others"),
    }
    for inner, expected in attacks.values():
        before = len(heard.drops)
        mallory.send(HiveMessage(T.PROPAGATE, inner, source_peer=alice.peer))
        assert drops(heard, before + 1)[before:] == [expected]
    alice.intercom(BusMessage("the.end"), BOB.public)
    assert heard.bus.get(timeout=10).msg_type == "the.end"  # and nothing came before it
    print(f"hivemind-core {hub.version}: {', '.join(attacks)}: nothing got through")


def test_on_a_binary_link_4_6_1a1_mangles_intercom(start_hub):
    """Why binary frames are not the default."""
    hub = start_hub("4.6.1a1", clients=CLIENTS, binarize=True)
    with (
        satellite(hub, CLIENTS[0], state=identity(ALICE)) as (alice, _),
        satellite(hub, CLIENTS[1], state=identity(BOB, {"alice": ALICE.public}), binarize=True) as (bob, heard),
    ):
        hub.wait_for_nth("hello", 2)
        mangled: queue.Queue[HiveMessage] = queue.Queue()
        bob.on_message(T.THIRDPRTY, mangled.put, inline=True)
        alice.intercom(SPEAK, BOB.public)
        message = mangled.get(timeout=10)
        assert "encrypted_key" in message.payload
        assert message.target_public_key is None
        assert heard.bus.empty()


@pytest.mark.parametrize("verb", [T.ESCALATE, T.PROPAGATE])
def test_4_0_0_handles_a_verb_then_aborts_the_link_and_the_satellite_comes_back(start_hub, verb):
    hub = start_hub("4.0.0", clients=CLIENTS)
    with satellite(hub, CLIENTS[0], site_id="alice") as (alice, _):
        hub.wait_for("hello")
        alice.emit(HiveMessage(verb, QUESTION, target_site_id=HUB_SITE))
        hub.wait_for("received", type=verb.value)
        hub.wait_for("disconnected")
        hub.wait_for_nth("hello", 2, timeout=20)
        talks(alice)


def test_4_0_0_takes_the_broadcast_of_an_admin_apart(start_hub):
    hub = start_hub("4.0.0", clients=CLIENTS)
    with (
        satellite(hub, CLIENTS[0], site_id="alice") as (alice, _),
        satellite(hub, CLIENTS[1], site_id="bob") as (_, heard),
    ):
        hub.wait_for_nth("hello", 2)
        alice.send(HiveMessage(T.BROADCAST, HiveMessage(T.BUS, SPEAK, target_site_id="bob"), target_site_id="bob"))
        assert heard.next_bus("speak").data == SPEAK.data


def test_escalate_reaches_the_agent_of_the_site_that_it_names(hive):
    _, (alice, heard), *_ = hive
    alice.emit(HiveMessage(T.ESCALATE, QUESTION, target_site_id=HUB_SITE))
    assert heard.next_bus("speak").data["utterance"] == "echo: hello"


def test_broadcast_from_an_admin_reaches_the_site_that_it_names(hive):
    hub, (alice, _), (_, heard), (_, elsewhere) = hive
    inner = HiveMessage(T.BUS, SPEAK, target_site_id="bob")
    alice.send(HiveMessage(T.BROADCAST, inner, target_site_id="bob"))
    assert heard.next_bus("speak").data == SPEAK.data
    if hub.version != "4.6.1a1":  # it takes the wrapper off, and the site is gone
        assert drops(elsewhere, 1) == ["other site"]


def test_a_propagated_bus_message_is_not_believed(hive):
    hub, _, (_, heard), (mallory, _) = hive
    inner = HiveMessage(T.BUS, SPEAK, target_site_id="bob")
    mallory.send(HiveMessage(T.PROPAGATE, inner, target_site_id="bob", source_peer="alice::1"))
    if hub.version == "4.6.1a1":  # it passes it on as its own word
        assert heard.next_bus("speak").data == SPEAK.data
    else:
        assert drops(heard, 1) == ["untrusted"]


def test_everybody_is_found_by_a_ping(hive):
    hub, (alice, _), (bob, _), (mallory, _) = hive
    pings = alice.ping(timeout=10)
    found = {next(pings).payload["peer"] for _ in range(3)}
    assert found >= {bob.peer, mallory.peer}
    print(
        f"hivemind-core {hub.version}: {len(found)} nodes, the hub as {(found - {bob.peer, mallory.peer}).pop()[:40]!r}"
    )


def test_queries_and_cascades_are_answered_and_nobody_else_takes_them_for_answers(hive):
    _, (alice, heard), (_, other), _ = hive
    assert "hello" in alice.query(QUESTION, timeout=10)[0].data["utterance"]
    assert len(list(alice.cascade(QUESTION, timeout=10, expected=1))) == 1
    assert "hello" in heard.next_bus("speak").data["utterance"]
    assert drops(other, 1) == ["request"]
    assert other.bus.empty()


def test_a_satellite_may_answer_a_cascade_since_5(start_hub):
    from mesh.test_topologies import Responder

    from hivemind_sdk.engine.dispatch import NamedHandler
    from hivemind_sdk.plugins.loader import load

    hub = start_hub("5.3.10a1", clients=CLIENTS)
    responder = Responder("bob")
    with satellite(hub, CLIENTS[0]) as (alice, _):
        from interop.satellites import settings_for

        handlers = [NamedHandler("responder", (T.CASCADE,), responder)]
        bob = Satellite(settings_for(hub, CLIENTS[1]), load(), identity=MemoryState(), handlers=handlers)
        try:
            bob.connect(timeout=30)
            hub.wait_for_nth("hello", 2)
            cascade = alice.cascade(QUESTION, timeout=10, expected=2)
            for message in responder.answers():
                bob.send(message)
            assert "bob" in {answer.responder for answer in cascade}
        finally:
            bob.close()
