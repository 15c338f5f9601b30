"""Answers to QUERY and CASCADE: only to questions of this node that are open, and to the one who asked."""

from __future__ import annotations

import contextlib

import pytest
from link_kit import LONG, Log, satellite
from mesh_kit import ALICE, QUESTION, Node, T, answer, asked, complete

from hivemind_sdk.contracts.cascade import MAX_ANSWER_BYTES, MAX_RESPONDERS, Window, answer_of, answers_to, choose_any
from hivemind_sdk.contracts.observations import Dropped
from hivemind_sdk.messages import BusMessage, HiveMessage
from hivemind_sdk.settings import Credentials
from hivemind_sdk.testing import Hub, HubClient, Mesh

DOOR = BusMessage("door.open")


@pytest.fixture
def silent():
    """A satellite whose hub answers nothing by itself; -> satellite, its peer on the hub, what is heard, the log."""
    with Mesh() as mesh:
        hub, log, heard = mesh.hub("hub"), Log(), Log()
        hub.router.up = lambda peer, message: None
        sat = mesh.satellite("sat", "hub", observers=[log], trusted={"alice": ALICE.public})
        sat.on_bus("*", heard.observe, inline=True)
        yield sat, hub.peers[0], heard, log


def heard_until_the_end(peer, heard):
    peer.send_bus(BusMessage("the.end"))
    heard.wait(lambda heard: any(one.msg_type == "the.end" for one in heard.events))
    return [one.msg_type for one in heard.events if one.msg_type != "the.end"]


@pytest.mark.parametrize("verb", [T.QUERY, T.CASCADE])
@pytest.mark.parametrize("query_id", ["never asked", "", None, 7])
def test_an_answer_to_a_question_that_was_never_asked_is_dropped(silent, verb, query_id):
    _, peer, heard, log = silent
    peer.send(answer(verb, DOOR, query_id=query_id))
    peer.send(HiveMessage(verb, DOOR))  # as hubs of the 0.8 era send it
    assert heard_until_the_end(peer, heard) == []
    assert [one.reason for one in log.of(Dropped)] == ["unsolicited answer"] * 2


def test_an_answer_to_another_verb_or_after_the_end_is_dropped(silent):
    sat, peer, heard, log = silent
    query = sat.query_stream(QUESTION)
    peer.send(answer(T.CASCADE, DOOR, query.query_id))
    peer.send(answer(T.QUERY, BusMessage("speak"), query.query_id))
    peer.send(complete(T.QUERY, query.query_id))
    assert [one.message.msg_type for one in query] == ["speak"]
    peer.send(answer(T.QUERY, DOOR, query.query_id))
    assert heard_until_the_end(peer, heard) == ["speak"]
    assert [one.reason for one in log.of(Dropped)] == ["unsolicited answer"] * 2


@pytest.mark.parametrize(("version", "counts"), [("4.6.1a1", True), ("5.3.10a1", False)])
@pytest.mark.parametrize("odd", [{}, {"query_id": 7, "is_response": True}, {"query_id": ["q"], "is_response": True}])
def test_an_answer_without_an_id_counts_on_links_before_v3_alone(version, counts, odd):
    """Hubs that speak v3 give each answer the id of its question."""
    with Hub([HubClient("k" * 32, "correct-horse-battery-9")], version) as hub:
        hub.router.up = lambda peer, message: None
        log, heard = Log(), Log()
        sat = satellite(
            hub.connector(),
            credentials=Credentials("k" * 32, "correct-horse-battery-9"),
            observers=[log],
            handshakes=(),
        )
        sat.on_bus("*", heard.observe, inline=True)
        with contextlib.closing(sat):
            assert (sat.connect(LONG).protocol >= 3) is not counts
            peer = hub.wait_for(lambda hub: hub.peers)[0]
            with contextlib.closing(sat.query_stream(QUESTION)):
                peer.send(HiveMessage(T.QUERY, DOOR, metadata=odd))
                got = heard_until_the_end(peer, heard)
            assert got == ["door.open"] * counts
            assert [one.reason for one in log.of(Dropped)] == ["unsolicited answer"] * (not counts)


def test_answers_to_a_cascade_go_to_the_one_who_asked_alone(silent):
    sat, peer, heard, _ = silent
    sat.cascade_timeout = 0.01
    cascade = sat.cascade(QUESTION, timeout=LONG, expected=1)
    query_id = peer.hub.wait_for(lambda hub: hub.of_type(T.CASCADE))[0].metadata["query_id"]
    for message in answers_to(answer(T.CASCADE, query_id=query_id), [DOOR], ALICE.public):
        peer.send(message)
    assert [(one.message.msg_type, one.responder) for one in cascade] == [("door.open", ALICE.public)]
    assert heard_until_the_end(peer, heard) == []


@pytest.mark.parametrize("by_hand", [True, False])
def test_the_application_can_have_one_answer_to_a_cascade_on_the_local_bus(silent, by_hand):
    sat, peer, heard, _ = silent
    sat.cascade_timeout = 0.01
    if by_hand:
        sat.emit(HiveMessage(T.CASCADE, QUESTION))
    else:
        sat.cascade_select = choose_any
        cascade = sat.cascade(QUESTION, timeout=LONG)  # noqa: F841 - dropped, it would be closed
    query_id = peer.hub.wait_for(lambda hub: hub.of_type(T.CASCADE))[0].metadata["query_id"]
    peer.send(answer(T.CASCADE, query_id=query_id))
    assert heard.wait(lambda heard: heard.events)[0].msg_type == "speak"


def test_a_query_that_is_emitted_by_hand_is_asked_too(silent):
    sat, peer, heard, _ = silent
    sat.emit(HiveMessage(T.QUERY, QUESTION))
    query_id = peer.hub.wait_for(lambda hub: hub.of_type(T.QUERY))[0].metadata["query_id"]
    peer.send(answer(T.QUERY, query_id=query_id))
    peer.send(complete(T.QUERY, query_id))
    peer.send(answer(T.QUERY, DOOR, query_id=query_id))
    assert heard_until_the_end(peer, heard) == ["speak"]


def test_the_answers_to_a_cascade_are_bounded_in_responders_and_bytes(silent):
    sat, peer, _, _ = silent
    cascade = sat.cascade(QUESTION, timeout=LONG, expected=MAX_RESPONDERS)
    query_id = peer.hub.wait_for(lambda hub: hub.of_type(T.CASCADE))[0].metadata["query_id"]
    for number in range(MAX_RESPONDERS + 50):
        peer.send(answer(T.CASCADE, query_id=query_id, responder=f"r{number}"))
    for number in range(MAX_RESPONDERS):
        peer.send(complete(T.CASCADE, query_id, f"r{number}"))
    assert len(list(cascade)) == len(cascade.by_responder) == MAX_RESPONDERS
    window, large = Window(), BusMessage("speak", {"utterance": "x" * (MAX_ANSWER_BYTES // 3)})
    assert [window.add(answer_of(answer(T.CASCADE, large), large)) for _ in range(4)] == [True, True, False, False]


def test_a_handler_that_is_told_of_no_question_delivers_no_answer():
    node = Node(question=asked("other"))
    for message in (answer(T.QUERY), answer(T.CASCADE)):
        assert node.receive(message) == ["drop unsolicited answer"]
    assert Node(question=asked(to_bus=False)).receive(answer(T.CASCADE)) == ["resolve cascade:q"]
