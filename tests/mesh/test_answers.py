"""Answers to QUERY and CASCADE in the handlers: who is told what, one answer for the local bus, all bounded."""

from __future__ import annotations

import pytest
from mesh_kit import SPEAK, Node, T, answer, catalogue, complete, no_answer

from hivemind_sdk.contracts.cascade import Answer, Question, answer_of, answers_to
from hivemind_sdk.engine.dispatch import NamedHandler
from hivemind_sdk.engine.requests import Request
from hivemind_sdk.errors import RequestAborted
from hivemind_sdk.messages import BusMessage, HiveMessage
from hivemind_sdk.threads.pending import PendingRequests


def says(text):
    return BusMessage("speak", {"utterance": text})


def texts(messages):
    return [one.data["utterance"] for one in messages]


def first_of(name):
    """A select callback that takes what this responder said."""
    return lambda messages: next((m for m in messages if m.metadata["responder_peer"] == name), None)


def cascade_handler(**options):
    record = next(one for one in catalogue().handlers if one.name == "cascade")
    return [NamedHandler("cascade", record.types, record.create(record.options(**options)))]


def test_one_answer_to_a_cascade_reaches_the_local_bus_whole():
    node = Node(cascade_select=first_of("b"))
    for message in (
        answer(T.CASCADE, says("a1"), responder="a"),
        answer(T.CASCADE, says("b1"), responder="b"),
        answer(T.CASCADE, says("a2"), responder="a"),
        answer(T.CASCADE, says("b2"), responder="b"),
        complete(T.CASCADE, responder="b"),
    ):
        assert node.receive(message, wake=False) == ["resolve cascade:q"]
    assert node.elapse() == ["deliver speak", "deliver speak"]
    assert texts(node.delivered) == ["b1", "b2"]


def test_the_window_of_a_cascade_opens_with_the_first_answer_and_only_once():
    node = Node()
    node.receive(answer(T.CASCADE, responder="a"), wake=False)
    node.receive(answer(T.CASCADE, responder="b"), wake=False)
    assert [(one.key, one.delay) for one in node.waiting] == [("q", 5.0)]
    patient = Node(cascade_timeout=0.25)
    patient.receive(answer(T.CASCADE), wake=False)
    assert patient.waiting[0].delay == 0.25


def test_cascades_at_the_same_time_are_kept_apart():
    node = Node(cascade_select=lambda messages: messages[0])
    for query_id in ("1", "2"):
        node.receive(answer(T.CASCADE, says(f"to {query_id}"), query_id=query_id), wake=False)
        node.receive(answer(T.CASCADE, says("other"), query_id=query_id, responder="s"), wake=False)
    assert len(node.elapse()) == 2
    assert texts(node.delivered) == ["to 1", "to 2"]


def test_a_late_answer_is_told_to_who_asked_and_not_to_the_local_bus():
    node = Node()
    node.receive(answer(T.CASCADE))
    assert node.receive(answer(T.CASCADE, responder="slow")) == ["resolve cascade:q", "drop late answer"]
    assert node.receive(complete(T.CASCADE, responder="slow")) == ["resolve cascade:q"]
    assert len(node.delivered) == 1


def test_a_cascade_ends_early_when_everyone_on_the_map_has_answered():
    node = Node(expected_nodes=2)
    node.receive(answer(T.CASCADE, responder="a"), wake=False)
    node.receive(complete(T.CASCADE, responder="a"), wake=False)
    node.receive(answer(T.CASCADE, responder="b"), wake=False)
    assert node.delivered == []
    assert node.receive(complete(T.CASCADE, responder="b"), wake=False) == ["resolve cascade:q", "deliver speak"]
    assert node.elapse() == []  # the time-out finds nothing more to do


def test_an_empty_map_means_unknown_and_not_nobody():
    node = Node(expected_nodes=0)
    node.receive(answer(T.CASCADE), wake=False)
    node.receive(complete(T.CASCADE), wake=False)
    assert node.delivered == []
    assert node.elapse() == ["deliver speak"]


def test_nothing_is_delivered_where_none_is_selected_or_nobody_answers():
    node = Node(cascade_select=lambda messages: None)
    assert node.receive(answer(T.CASCADE)) == ["resolve cascade:q"]
    assert Node().receive(no_answer(T.CASCADE)) == ["resolve cascade:q"]


def test_a_select_callback_sees_one_message_of_each_responder():
    seen = []
    node = Node(cascade_select=seen.extend)
    for text, responder in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        node.receive(answer(T.CASCADE, says(text), responder=responder), wake=False)
    node.elapse()
    assert {one.msg_type for one in seen} == {T.CASCADE}
    assert texts(one.payload.payload for one in seen) == ["a1", "b1"]


def test_answers_of_nobody_are_candidates_each():
    """Hubs of the 0.8 era say neither whose an answer is nor where it ends."""
    seen = []
    node = Node(cascade_select=seen.extend, expected_nodes=3)
    for text in ("a", "b", "c"):
        node.receive(HiveMessage(T.CASCADE, says(text)), wake=False)
    assert texts(one.payload.payload for one in seen) == ["a", "b", "c"]


def test_open_cascades_and_their_answers_are_bounded():
    node = Node(cascade_handler(pending=2, answers=3))
    for query_id in ("1", "2"):
        node.receive(answer(T.CASCADE, query_id=query_id), wake=False)
    assert node.receive(answer(T.CASCADE, query_id="3"))[1:] == ["drop too many cascades"]
    for responder in ("a", "b"):
        assert len(node.receive(answer(T.CASCADE, query_id="1", responder=responder))) == 1
    assert node.receive(answer(T.CASCADE, query_id="1", responder="c"))[1:] == ["drop too many answers"]
    assert len(node.elapse()) == 2


def test_what_a_node_sends_as_its_answer_is_read_as_one():
    request = HiveMessage(T.CASCADE, SPEAK, metadata={"query_id": "q", "originator_peer": "x"})
    node = Node()
    for message in answers_to(request, [says("one"), says("two")], "me"):
        node.receive(message, wake=False)
    values = [one.value for one in node.resolved]
    assert [(one.query_id, one.responder, one.last) for one in values] == [("q", "me", False)] * 2 + [("q", "me", True)]
    node.elapse()
    assert texts(node.delivered) == ["one", "two"]
    assert answer_of(message, message.payload.payload).source is message


@pytest.mark.parametrize("value", [7, None, [], {}, ""])
def test_odd_names_in_metadata_are_as_none(value):
    for key in ("query_id", "responder_peer"):
        message = answer(T.QUERY, **{key: value})
        found = answer_of(message, SPEAK)
        assert isinstance(found, Answer)
        assert isinstance(found.query_id, str)
        assert isinstance(found.responder, str)


# --- requests that wait ---------------------------------------------------------------------------------------------


def test_an_answer_without_an_id_counts_while_one_question_of_its_verb_is_open():
    requests = PendingRequests()
    first, other = (requests.open(Request(key), 60.0) for key in ("query:1", "cascade:1"))
    assert requests.question(T.QUERY, "", 0.0) == Question("1", to_bus=False)
    second = requests.open(Request("query:2"), 60.0)
    assert requests.question(T.QUERY, "", 0.0) is None
    second.close()
    assert requests.resolve("query:1", "a", True)
    assert not requests.resolve("query:1", "b", True)
    assert list(first) == ["a"]
    assert requests.question(T.QUERY, "", 0.0) is None
    assert requests.resolve("cascade:1", "d", False)
    assert next(other) == "d"


def test_a_lost_link_ends_all_requests_with_the_reason():
    requests = PendingRequests()
    answers = requests.open(Request("query:1"), 60.0)
    cause = RequestAborted("the cause")
    requests.abort_all(cause)
    with pytest.raises(RequestAborted, match="the cause") as caught:
        next(answers)
    assert caught.value.__cause__ is cause


# --- the reference's aggregator -------------------------------------------------------------------------------------
