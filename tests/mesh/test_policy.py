"""Topology as policy: what a satellite does with each type of message, by who could have sent it and what it holds.

The table is also docs/explanation/topology-as-policy.md; there is no link and no thread here.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from mesh_kit import ALICE, BOB, CAROL, SPEAK, Node, T, answer, complete, intercom, no_answer, own_handlers, ping

from hivemind_sdk.contracts import Redispatch
from hivemind_sdk.contracts.cascade import Question
from hivemind_sdk.engine.dispatch import NamedHandler
from hivemind_sdk.messages import BusMessage, HiveMessage


def within(verb, inner, **fields):
    return HiveMessage(verb, inner, **fields)


BUS = HiveMessage(T.BUS, SPEAK)
HERE = {"target_site_id": "kitchen"}
FORGED = {"source_peer": "alice::1", "route": [{"source": "alice::1", "targets": ["bob::1"]}], "node": "alice"}

POLICY = [
    # what the hub says is done: it is authoritative
    ("BUS", BUS, ["deliver speak"]),
    ("BUS for another destination", HiveMessage(T.BUS, BusMessage("x", {}, {"destination": "den"})), ["deliver x"]),
    # BROADCAST: a command from above, for one site
    ("BROADCAST(BUS) for this site", within(T.BROADCAST, BUS, **HERE), ["deliver speak"]),
    ("BROADCAST(BUS) for another site", within(T.BROADCAST, BUS, target_site_id="den"), ["drop other site"]),
    ("BROADCAST(BUS) for no site", within(T.BROADCAST, BUS), ["drop other site"]),
    ("BROADCAST(BUS) for the site ''", within(T.BROADCAST, BUS, target_site_id=""), ["drop other site"]),
    (
        "BROADCAST(BUS), its site named inside only (binary frames lose the outer one)",
        within(T.BROADCAST, HiveMessage(T.BUS, SPEAK, **HERE)),
        ["deliver speak"],
    ),
    (
        "BROADCAST(BUS), inside another site than outside",
        within(T.BROADCAST, HiveMessage(T.BUS, SPEAK, **HERE), target_site_id="den"),
        ["drop other site"],
    ),
    ("BROADCAST(INTERCOM) for this node", within(T.BROADCAST, intercom()), ["deliver speak"]),
    ("BROADCAST(PING)", within(T.BROADCAST, ping(), **HERE), ["drop unexpected inner message"]),
    ("BROADCAST(PROPAGATE)", within(T.BROADCAST, within(T.PROPAGATE, BUS), **HERE), ["drop unexpected inner message"]),
    # PROPAGATE: anybody may have started it
    ("PROPAGATE(BUS) for this site", within(T.PROPAGATE, BUS, **HERE), ["drop untrusted"]),
    ("PROPAGATE(BUS) with the name of a trusted node", within(T.PROPAGATE, BUS, **HERE, **FORGED), ["drop untrusted"]),
    ("PROPAGATE(BUS) for another site", within(T.PROPAGATE, BUS, target_site_id="den"), ["drop other site"]),
    ("PROPAGATE(BUS) for no site", within(T.PROPAGATE, BUS), ["drop other site"]),
    ("PROPAGATE(INTERCOM) signed by a trusted key", within(T.PROPAGATE, intercom()), ["deliver speak"]),
    ("PROPAGATE(INTERCOM) by somebody else", within(T.PROPAGATE, intercom(by=CAROL)), ["drop untrusted"]),
    (
        "PROPAGATE(INTERCOM) for another node",
        within(T.PROPAGATE, intercom(to=CAROL, target=CAROL)),
        ["drop intercom for others"],
    ),
    ("PROPAGATE(PING)", within(T.PROPAGATE, ping()), ["send propagate(ping)", "map", "resolve ping:f"]),
    ("PROPAGATE(PING) without flood_id", within(T.PROPAGATE, ping(flood_id="")), ["drop malformed message"]),
    ("PROPAGATE(ESCALATE)", within(T.PROPAGATE, within(T.ESCALATE, BUS)), ["drop unexpected inner message"]),
    ("PING bare, as hubs before 5.x pass it on", ping(), ["map", "resolve ping:f"]),
    # INTERCOM: trust is a signature
    ("INTERCOM signed by a trusted key", intercom(), ["deliver speak"]),
    ("INTERCOM by somebody else", intercom(by=CAROL), ["drop untrusted"]),
    ("INTERCOM without a signature", intercom(by=None), ["drop intercom malformed"]),
    ("INTERCOM that names no addressee", intercom(target=None), ["drop intercom without target"]),
    # answers come through the hub
    ("QUERY(BUS) answer", answer(T.QUERY), ["resolve query:q", "deliver speak"]),
    ("QUERY(BUS) end of an answer", complete(T.QUERY), ["resolve query:q!"]),
    ("QUERY(BUS) nobody can answer", no_answer(T.QUERY), ["resolve query:q!", "deliver hive.query.timeout"]),
    ("QUERY(BUS) answer of a 0.8 hub, without metadata", within(T.QUERY, BUS), ["resolve query:q!", "deliver speak"]),
    ("QUERY(INTERCOM) answer", answer(T.QUERY, intercom()), ["resolve query:q", "deliver speak"]),
    ("QUERY(INTERCOM) answer by somebody else", answer(T.QUERY, intercom(by=CAROL)), ["drop untrusted"]),
    ("QUERY(BUS) answer to what was not asked", answer(T.QUERY, query_id="no"), ["drop unsolicited answer"]),
    ("QUERY(PING)", answer(T.QUERY, ping()), ["drop unexpected inner message"]),
    ("QUERY of somebody", within(T.QUERY, BUS, metadata={"query_id": "q"}), ["drop request"]),
    ("CASCADE(BUS) answer", answer(T.CASCADE), ["resolve cascade:q"]),
    ("CASCADE(BUS) answer to what was not asked", answer(T.CASCADE, query_id="no"), ["drop unsolicited answer"]),
    ("CASCADE(BUS) end of an answer", complete(T.CASCADE), ["resolve cascade:q"]),
    ("CASCADE(BUS) nobody can answer", no_answer(T.CASCADE), ["resolve cascade:q"]),
    ("CASCADE(BUS) of a 0.8 hub", within(T.CASCADE, BUS), ["resolve cascade:q"]),
    ("CASCADE(INTERCOM)", answer(T.CASCADE, intercom()), ["drop unexpected inner message"]),
    (
        "CASCADE of somebody, which hubs pass down",
        within(T.CASCADE, BUS, metadata={"query_id": "q", "originator_peer": "attic"}),
        ["drop request"],
    ),
    # what only goes up
    ("ESCALATE", within(T.ESCALATE, BUS), ["drop illegal"]),
    ("SHARED_BUS", HiveMessage(T.SHARED_BUS, SPEAK), ["drop illegal"]),
    # bytes
    ("BINARY TTS_AUDIO", HiveMessage(T.BINARY, b"x", bin_type=6), ["binary TTS_AUDIO"]),
    ("BINARY FILE", HiveMessage(T.BINARY, b"x", bin_type=3), ["binary FILE"]),
    ("BINARY UNDEFINED", HiveMessage(T.BINARY, b"x", bin_type=0), ["drop unused binary"]),
    ("BINARY RAW_AUDIO", HiveMessage(T.BINARY, b"x", bin_type=1), ["drop unused binary"]),
    ("BINARY NUMPY_IMAGE", HiveMessage(T.BINARY, b"x", bin_type=2), ["drop unused binary"]),
    ("BINARY STT_AUDIO_TRANSCRIBE", HiveMessage(T.BINARY, b"x", bin_type=4), ["drop unused binary"]),
    ("BINARY STT_AUDIO_HANDLE", HiveMessage(T.BINARY, b"x", bin_type=5), ["drop unused binary"]),
    # left to the application's callbacks
    ("RENDEZVOUS", HiveMessage(T.RENDEZVOUS, {"status": "error"}), []),
    ("THIRDPRTY", HiveMessage(T.THIRDPRTY, {"a": 1}), []),
]


@pytest.mark.parametrize(("message", "expected"), [pytest.param(row[1], row[2], id=row[0]) for row in POLICY])
def test_what_becomes_of_a_message(message, expected):
    """The node has asked the question `q`, by `query()` or `cascade()`."""

    def question(verb, query_id):
        return Question("q", to_bus=verb is T.QUERY) if query_id in ("q", "") else None

    node = Node(question=question)
    assert node.receive(message) == expected
    assert node.failed == []


@pytest.mark.parametrize("message", [pytest.param(row[1], id=row[0]) for row in POLICY])
def test_no_name_that_a_peer_can_write_changes_it(message):
    """source_peer, route and node are hints at most."""
    if message.msg_type is T.BINARY:
        return
    plain, forged = Node(), Node()
    named = message.forward(source_peer="alice::1", node="alice", route=[{"source": ALICE.public, "targets": ["x"]}])
    assert forged.receive(named) == plain.receive(message)
    assert [one.context for one in forged.delivered] == [one.context for one in plain.delivered]


def test_nobody_is_trusted_by_default():
    for message in (within(T.PROPAGATE, intercom()), intercom(), answer(T.QUERY, intercom())):
        assert Node(trusted_keys={}).receive(message) == ["drop untrusted"]


def test_the_hub_may_sign_with_the_key_of_its_hello():
    assert Node(trusted_keys={}, hub_key=CAROL.public).receive(intercom(by=CAROL)) == ["deliver speak"]


def test_a_satellite_without_a_site_takes_no_message_for_the_site_of_none():
    for site in ("", None):
        assert Node(site_id="unknown").receive(within(T.BROADCAST, BUS, target_site_id=site)) == ["drop other site"]


# --- what is delivered ---------------------------------------------------------------------------------------------

SIGNER = "hivemind_verified_source_peer"


def test_only_a_verified_signature_sets_the_signer():
    node = Node()
    claimed = BusMessage("speak", {}, {SIGNER: ALICE.public, "kept": 1})
    node.receive(HiveMessage(T.BUS, claimed))
    node.receive(answer(T.CASCADE, claimed))
    node.receive(intercom(claimed, by=ALICE))
    plain, cascaded, signed = node.delivered
    assert (SIGNER in plain.context, SIGNER in cascaded.context) == (False, False)
    assert signed.context == {SIGNER: ALICE.public, "kept": 1}
    assert Node(trusted_keys={"c": CAROL.public}).receive(intercom(claimed, by=CAROL)) == ["deliver speak"]


@pytest.mark.parametrize(("signer", "delivered"), [(ALICE.public, True), (CAROL.public, False)])
def test_a_handler_that_has_verified_a_signer_can_pass_a_propagate_on_if_that_key_is_trusted(signer, delivered):
    class Verifies:
        def handle(self, message, context):
            return [] if context.signer else [Redispatch(message, signer=signer)]

    node = Node(handlers=[NamedHandler("mine", (T.PROPAGATE,), Verifies()), *own_handlers()])
    assert ("deliver speak" in node.receive(within(T.PROPAGATE, BUS, **HERE))) is delivered
    assert [one.context[SIGNER] for one in node.delivered] == [signer] * delivered


def test_the_hub_can_not_move_us_to_another_site():
    node = Node()
    for session_id, site in (("1", "den"), ("another", "den"), ("1", None)):
        session = {"session_id": session_id, "site_id": site}
        node.receive(HiveMessage(T.BUS, BusMessage("speak", {}, {"session": session})))
    assert [one.context["session"]["site_id"] for one in node.delivered] == ["kitchen", "den", "kitchen"]


# --- pings ---------------------------------------------------------------------------------------------------------


def test_a_flood_is_answered_once_and_every_node_is_put_on_the_map_once():
    node = Node(wall_time=12.5)
    flood = [within(T.PROPAGATE, ping(peer=peer)) for peer in ("a::1", "b::2", "a::1")]
    assert node.receive(flood[0])[0] == "send propagate(ping)"
    assert node.receive(flood[1]) == ["map", "resolve ping:f"]
    assert node.receive(flood[2]) == []
    assert node.sent[0].payload.payload == {
        "flood_id": "f",
        "peer": "bob::1",
        "site_id": "kitchen",
        "timestamp": 12.5,
        "public_key": BOB.public,
        "lang": "en-us",
    }


def test_of_many_floods_a_hundred_are_answered_and_then_20_a_second():
    node, numbers = Node(now=1000.0, wall_time=0.0), count()

    def answered(floods):
        words = [node.receive(within(T.PROPAGATE, ping(flood_id=f"{next(numbers)}"))) for _ in range(floods)]
        assert {one[0] for one in words} <= {"send propagate(ping)", "drop too many floods"}
        return sum(one[0] == "send propagate(ping)" for one in words)

    assert answered(150) == 100
    node.context = replace(node.context, wall_time=1e9)  # somebody sets the clock: no time has passed
    assert answered(5) == 0
    node.context = replace(node.context, now=1001.0)
    assert answered(150) == 20


@pytest.mark.parametrize("long", [ping(flood_id="f" * 257), ping(peer="p" * 2049)])
def test_a_flood_or_a_name_that_is_too_long_is_neither_answered_nor_remembered(long):
    node = Node()
    for _ in range(2):
        assert node.receive(within(T.PROPAGATE, long)) == ["drop too long"]
    within_bounds = ping(flood_id="f" * 256, peer="p" * 2048)
    assert node.receive(within(T.PROPAGATE, within_bounds))[0] == "send propagate(ping)"


def test_our_own_flood_is_not_answered_and_does_not_put_us_on_the_map():
    node = Node(own_floods={"f"})
    assert node.receive(within(T.PROPAGATE, ping(peer="hub"))) == ["map", "resolve ping:f"]
    assert node.receive(within(T.PROPAGATE, ping(peer="bob::1"))) == []


def test_the_route_of_the_flood_is_kept_with_the_announcement():
    route = [{"source": "x::1::a", "targets": ["x::1::a"]}]
    node = Node()
    node.receive(within(T.PROPAGATE, ping(), route=route))
    assert node.announced[0].route == route
    assert node.resolved[0].value.route == route


@pytest.mark.parametrize("flood_id", [None, "", 7, [], {}])
def test_a_ping_whose_flood_has_no_name_is_dropped(flood_id):
    assert Node().receive(within(T.PROPAGATE, ping(flood_id=flood_id))) == ["drop malformed message"]


@pytest.mark.parametrize("peer", [None, "", 7, [], {}])
def test_a_ping_of_nobody_is_answered_and_not_put_on_the_map(peer):
    assert Node().receive(within(T.PROPAGATE, ping(peer=peer))) == ["send propagate(ping)"]
