"""query() and cascade() on live links: nobody gets another's answer, and a lost link ends them at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from link_kit import LONG, Log
from mesh_kit import QUESTION, T, answer, complete

from hivemind_sdk.contracts.observations import Dropped, StateChanged
from hivemind_sdk.contracts.status import State
from hivemind_sdk.errors import LinkClosed, PolicyDenied, RequestAborted, RequestTimeout
from hivemind_sdk.messages import BusMessage, HiveMessage
from hivemind_sdk.testing import EchoAgent, Mesh

SHORT = 0.7
"""seconds in which what must not happen would have happened"""


class Knows(EchoAgent):
    """Answers queries with what this function gives."""

    def __init__(self, answers):
        self._answers = answers

    def query(self, message):
        return self._answers(message)


def ignorant():
    return Knows(lambda message: None)


def asks(text):
    return BusMessage("recognizer_loop:utterance", {"utterances": [text]})


def speaks(text):
    return BusMessage("speak", {"utterance": text})


@pytest.fixture
def mesh():
    with Mesh() as mesh:
        yield mesh


def hear(satellite, kind="*"):
    """A list of what the local bus hears."""
    heard = []
    satellite.on_bus(kind, heard.append, inline=True)
    return heard


# --- query ---------------------------------------------------------------------------------------------------------


def test_a_query_gives_the_first_message_and_the_stream_all_of_them(mesh):
    mesh.hub("hub", agent=Knows(lambda message: [speaks("one"), speaks("two")]))
    sat = mesh.satellite("sat", "hub")
    heard = hear(sat, "speak")
    assert [one.data["utterance"] for one in sat.query(QUESTION)] == ["one", "two"]
    stream = list(sat.query_stream(QUESTION))
    assert [one.message.data["utterance"] for one in stream] == ["one", "two"]
    assert {one.responder for one in stream} == {"hub"}
    assert [one.data["utterance"] for one in heard] == ["one", "two"] * 2


def test_a_query_that_nobody_can_answer_fails_at_once(mesh):
    mesh.hub("hub", agent=ignorant())
    sat = mesh.satellite("sat", "hub")
    heard = Log()
    sat.on_bus("*", heard.observe, inline=True)
    began = time.monotonic()
    with pytest.raises(RequestTimeout, match="no node up the chain could answer"):
        sat.query(QUESTION, timeout=LONG)
    assert time.monotonic() - began < LONG / 2
    assert [one.msg_type for one in heard.wait(lambda heard: heard.events)] == ["hive.query.timeout"]


def test_a_query_that_is_not_answered_ends_in_time_and_the_local_bus_hears_of_it(mesh):
    hub = mesh.hub("hub")
    hub.router.up = lambda peer, message: None
    sat = mesh.satellite("sat", "hub")
    heard = hear(sat)
    with pytest.raises(RequestTimeout, match=r"within 0\.1 s"):
        sat.query(QUESTION, timeout=0.1)
    query_id = hub.wait_for(lambda hub: hub.of_type(T.QUERY))[0].metadata["query_id"]
    assert [(one.msg_type, one.data) for one in heard] == [
        ("hive.query.timeout", {"query_id": query_id, "error": "no_answer"})
    ]


def test_a_query_pending_when_the_hub_dies_fails_at_once_with_the_reason(mesh):
    asked, go_on = threading.Event(), threading.Event()

    def think(message):
        asked.set()
        go_on.wait(LONG)

    mesh.hub("hub", agent=Knows(think))
    sat = mesh.satellite("sat", "hub", reconnect=False)
    heard = hear(sat)
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(sat.query, QUESTION, timeout=3600)
        assert asked.wait(LONG)
        mesh.lose("hub")
        with pytest.raises(RequestAborted, match="link was lost") as caught:
            pending.result(LONG)
        go_on.set()
    assert isinstance(caught.value.__cause__, LinkClosed)
    assert [one.msg_type for one in heard] == ["hive.query.timeout"]


def test_a_query_without_a_link_fails_and_leaves_nothing_behind(mesh):
    mesh.hub("hub")
    log = Log()
    sat = mesh.satellite("sat", "hub", observers=[log], reconnect=False)
    mesh.lose("hub")
    log.wait(lambda log: State.CLOSED in [one.after.state for one in log.of(StateChanged)])
    for ask in (sat.query, sat.cascade, lambda message: sat.ping()):
        with pytest.raises(ConnectionError):
            ask(QUESTION)
    assert not sat.parts.requests.busy()


def test_a_denied_question_fails_with_the_denial(mesh):
    mesh.hub("hub")
    sat = mesh.satellite("sat", "hub", allowed_types=())
    with pytest.raises(PolicyDenied) as caught:
        sat.query(QUESTION, timeout=LONG)
    assert caught.value.denied_type == QUESTION.msg_type
    with pytest.raises(PolicyDenied):
        next(sat.cascade(QUESTION, timeout=LONG))


def test_concurrent_queries_never_swap_answers(mesh):
    """The hub answers the last one first: all are asked before any is answered."""
    count, waiting = 16, []
    everyone = threading.Event()
    hub = mesh.hub("hub", agent=ignorant())
    answered = hub.router.up

    def hold(peer, message):
        waiting.append((peer, message))
        if len(waiting) == count:
            everyone.set()

    hub.router.up = hold
    sats = [mesh.satellite(f"sat-{number}", "hub") for number in range(4)]
    with ThreadPoolExecutor(count) as pool:
        asked = {str(n): pool.submit(sats[n % 4].query, asks(str(n)), timeout=LONG) for n in range(count)}
        assert everyone.wait(LONG)
        hub.agent = EchoAgent()
        for peer, message in reversed(waiting):
            answered(peer, message)
        got = {text: one.result(LONG)[0].data["utterance"] for text, one in asked.items()}
    assert got == {text: f"echo: {text}" for text in asked}


def test_answers_without_metadata_count_while_one_query_is_open(mesh):
    """As the servers of the 0.8 era sent them: one message, without an id."""
    hub = mesh.hub("hub")
    hub.router.up = lambda peer, message: None
    log = Log()
    sat = mesh.satellite("sat", "hub", observers=[log])
    first, second = sat.query_stream(QUESTION), sat.query_stream(QUESTION)
    hub.peers[0].send(HiveMessage(T.QUERY, speaks("whose")))
    log.wait(lambda log: "unsolicited answer" in [event.reason for event in log.of(Dropped)])
    second.close()
    hub.peers[0].send(HiveMessage(T.QUERY, speaks("a")))
    assert [one.message.data["utterance"] for one in first] == ["a"]


# --- cascade -------------------------------------------------------------------------------------------------------


def test_a_cascade_gives_answers_as_they_arrive_grouped_by_responder(mesh):
    hub = mesh.hub("hub")
    hub.router.up = lambda peer, message: None
    sat = mesh.satellite("sat", "hub")
    cascade = sat.cascade(QUESTION, timeout=LONG, expected=2)
    query_id = hub.wait_for(lambda hub: hub.of_type(T.CASCADE))[0].metadata["query_id"]
    script = [("a", "a1"), ("b", "b1"), ("a", "a2")]
    for responder, text in script:
        hub.peers[0].send(answer(T.CASCADE, speaks(text), query_id, responder))
        got = next(cascade)
        assert (got.responder, got.message.data["utterance"]) == (responder, text)
    for responder in ("a", "b"):
        hub.peers[0].send(complete(T.CASCADE, query_id, responder))
    assert list(cascade) == []  # long before its time is over
    texts = {name: [one.data["utterance"] for one in group] for name, group in cascade.by_responder.items()}
    assert texts == {"a": ["a1", "a2"], "b": ["b1"]}


def test_a_cascade_ends_at_its_time_with_what_has_come(mesh):
    mesh.hub("hub")
    sat = mesh.satellite("sat", "hub")
    began = time.monotonic()
    answers = list(sat.cascade(QUESTION, timeout=SHORT))
    assert [one.responder for one in answers] == ["hub"]
    assert SHORT <= time.monotonic() - began < LONG


def test_a_cascade_whose_link_is_lost_ends_at_once_and_keeps_what_it_has(mesh):
    mesh.hub("hub")
    sat = mesh.satellite("sat", "hub", reconnect=False)
    cascade = sat.cascade(QUESTION, timeout=3600, expected=2)
    assert next(cascade).responder == "hub"
    mesh.lose("hub")
    with pytest.raises(RequestAborted):
        next(cascade)
    assert list(cascade.by_responder) == ["hub"]


def test_the_local_bus_hears_one_of_many_answers_to_a_cascade(mesh):
    hub = mesh.hub("hub")
    hub.router.up = lambda peer, message: None
    heard, log = threading.Event(), Log()
    sat = mesh.satellite("sat", "hub", observers=[log])
    spoken = []
    sat.on_bus("speak", lambda message: (spoken.append(message), heard.set()))
    sat.cascade_timeout = SHORT
    sat.cascade_select = lambda messages: messages[-1]
    sat.emit(HiveMessage(T.CASCADE, QUESTION, metadata={"query_id": "q"}))
    for responder in ("a", "b", "c"):
        hub.peers[0].send(answer(T.CASCADE, speaks(responder), responder=responder))
    assert heard.wait(LONG)
    hub.peers[0].send(answer(T.CASCADE, speaks("late"), responder="d"))
    log.wait(lambda log: "late answer" in [event.reason for event in log.of(Dropped)])
    assert [one.data["utterance"] for one in spoken] == ["c"]


def test_a_select_callback_may_itself_ask_the_hive(mesh):
    """It runs outside of every lock: D-39 deadlocks here."""
    mesh.hub("hub")
    sat = mesh.satellite("sat", "hub")
    said = []

    def select(messages):
        said.append(sat.query(asks("from select"), timeout=LONG)[0].data["utterance"])
        return messages[0]

    sat.cascade_timeout, sat.cascade_select = 0.01, select
    heard = threading.Event()
    sat.on_bus("speak", lambda message: heard.set() if message.data["utterance"] == "echo: hello" else None)
    sat.emit(HiveMessage(T.CASCADE, QUESTION))
    assert heard.wait(LONG)
    assert said == ["echo: from select"]


def test_a_select_callback_that_raises_is_reported_and_harms_nobody(mesh, caplog):
    mesh.hub("hub")
    log = Log()
    sat = mesh.satellite("sat", "hub", observers=[log])

    def select(messages):
        raise ValueError("the application's")

    sat.cascade_timeout, sat.cascade_select = 0.01, select
    sat.emit(HiveMessage(T.CASCADE, QUESTION))
    log.wait(lambda log: [one for one in log.events if getattr(one, "name", "") == "cascade_select_callback"])
    sat.cascade_select = None
    assert sat.query(QUESTION, timeout=LONG)


def test_the_context_of_a_question_is_completed_on_a_copy(mesh):
    hub = mesh.hub("hub")
    sat = mesh.satellite("sat", "hub", site_id="kitchen")
    question = asks("hello")
    sat.query(question)
    sat.emit(HiveMessage(T.ESCALATE, question))
    hub.wait_for(lambda hub: hub.of_type(T.ESCALATE))
    for message in (*hub.of_type(T.QUERY), *hub.of_type(T.ESCALATE)):
        assert message.payload.payload.context["session"] == {"session_id": "sat", "site_id": "kitchen"}
    assert question.context == {}
