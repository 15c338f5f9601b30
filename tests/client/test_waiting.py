"""Waiting: one answer, the right one, and nothing left behind."""

from __future__ import annotations

import threading

import pytest
from client_kit import NEVER, SOON, Heard, sent, sync
from ovos_bus_client.message import Message

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType
from hivemind_sdk.errors import NotConnected, NotEncodable, PolicyDenied, RequestTimeout


def listening(client):
    """What the client listens to: events, and whether a request is open."""
    requests = client.parts.requests
    return client.emitter.event_names(), len(requests.bus_hearers), len(requests.hive_hearers)


@pytest.fixture
def quiet(client, peer):
    """The client, which must listen to nothing more after the test than before."""
    before = listening(client)
    yield client
    assert listening(client) == before


def later(peer, *messages):
    """Send these from another thread, while the test waits."""

    def send():
        for message in messages:
            peer.send(message) if isinstance(message, HiveMessage) else peer.send_bus(message)

    timer = threading.Timer(0.05, send)
    timer.start()
    return timer


def test_wait_for_message_by_hive_type_and_by_bus_type(quiet, peer):
    later(peer, BusMessage("noise"), BusMessage("speak", {"utterance": "hi"}))
    message = quiet.wait_for_message("speak", timeout=SOON)
    assert isinstance(message, Message)
    assert message.data == {"utterance": "hi"}
    later(peer, BusMessage("noise"))
    assert quiet.wait_for_message(HiveMessageType.BUS, timeout=SOON).payload.msg_type == "noise"
    assert quiet.wait_for_message("never", timeout=0) is None


def test_wait_for_mycroft_is_about_bus_types_whatever_they_are_called(quiet, peer):
    later(peer, HiveMessage(HiveMessageType.PING, {}), BusMessage("ping", {"n": 1}))
    assert quiet.wait_for_mycroft("ping", timeout=SOON).data == {"n": 1}


def test_payload_waiters_survive_payloads_that_are_plain_objects(quiet, peer):
    plain = [HiveMessage(kind, {"a": 1}) for kind in (HiveMessageType.PING, HiveMessageType.RENDEZVOUS)]
    later(peer, *plain, HiveMessage(HiveMessageType.BINARY, b"x"), BusMessage("noise"), BusMessage("speak", {"n": 1}))
    found = quiet.wait_for_payload("speak", timeout=SOON)
    assert (found.msg_type, found.payload.data) == (HiveMessageType.BUS, {"n": 1})
    later(peer, HiveMessage(HiveMessageType.PING, {"a": 1}))
    assert quiet.wait_for_payload("speak", HiveMessageType.PING, timeout=NEVER) is None


def test_wait_for_response_of_a_bus_message(quiet, hub):
    hub.agent.answers["ask"] = lambda message: [("ask.response", {"n": message.data["n"]}), ("other", {})]
    assert quiet.wait_for_response(Message("ask", {"n": 1}), timeout=SOON).data == {"n": 1}
    assert quiet.wait_for_response(Message("ask", {"n": 2}), "other", timeout=SOON).msg_type == "other"
    either = quiet.wait_for_response(Message("ask", {"n": 2}), ["never", "other"], timeout=SOON)
    assert either.msg_type == "other"
    assert quiet.wait_for_response(Message("ask", {"n": 1}), "never", timeout=NEVER) is None


def test_an_answer_of_the_same_type_is_not_the_question(quiet, hub):
    assert quiet.wait_for_response(Message("same"), "same", timeout=NEVER) is None
    hub.agent.answers["same"] = lambda message: [("same", {"answer": True})]
    assert quiet.wait_for_response(Message("same"), "same", timeout=SOON).data == {"answer": True}


def test_wait_for_response_of_a_hive_message(quiet, hub):
    hub.agent.answers["ask"] = lambda message: [("answer", {"n": 1}), ("more", {"n": 2})]
    ask = HiveMessage(HiveMessageType.BUS, Message("ask"))
    assert quiet.wait_for_response(ask, timeout=SOON).payload.msg_type == "answer"
    assert quiet.wait_for_payload_response(ask, "more", timeout=SOON).payload.data == {"n": 2}
    assert quiet.wait_for_payload_response(Message("ask"), "more", HiveMessageType.BUS, SOON).payload.data == {"n": 2}
    assert "hivemind_request_id" not in ask.payload.context


def test_answers_to_requests_at_the_same_time_are_never_swapped(quiet, hub, peer):
    """All questions are in before the first answer goes out, and the answers go out backwards."""
    count, questions, found = 8, [], {}
    hub.agent.answers["ask"] = lambda message: questions.append(message) or []

    def ask(n):
        found[n] = quiet.wait_for_response(Message("ask", {"n": n}), "answer", timeout=SOON)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    sent(hub, count=count)
    hub.wait_for(lambda hub: len(questions) == count)
    for question in reversed(questions):
        peer.send_bus(question.reply("answer", {"n": question.data["n"]}))
    for thread in threads:
        thread.join(SOON)
    assert {n: message.data["n"] for n, message in found.items()} == {n: n for n in range(count)}


def test_an_answer_that_forgot_its_context_still_counts(quiet, peer):
    later(peer, BusMessage("answer", {"n": 1}))
    assert quiet.wait_for_response(Message("ask"), "answer", timeout=SOON).data == {"n": 1}


def test_a_failed_wait_leaves_nothing_behind(hub, connect):
    client = connect(hub, up=False)
    before = listening(client)
    with pytest.raises(NotConnected):
        client.wait_for_response(Message("x"))
    with pytest.raises(NotConnected):
        client.wait_for_payload_response(Message("x"), "y")
    client.connect()
    with pytest.raises(NotEncodable):
        client.wait_for_response(Message("x", {"bad": object()}))
    assert listening(client) == before


def test_collectors_of_ovos_work(quiet, hub, peer):
    def answer(message):
        data = {"query": message.context["__collect_id__"], "handler": "h", "timeout": 5}
        return [("x.handling", data), ("x.response", {**data, "answer": 42})]

    hub.agent.answers["x"] = answer
    found = quiet.collect_responses(Message("x"), min_timeout=1.0, max_timeout=SOON)
    assert [message.data["answer"] for message in found] == [42]


def test_on_collect_promises_and_answers(client, hub, peer):
    def handle(message):
        client.emit(message.success({"n": 1}))

    client.on_collect("x", handle, timeout=7)
    peer.send_bus(BusMessage("x"))  # not from a collector
    peer.send_bus(BusMessage("x", {}, {"__collect_id__": "c", "source": "skills", "destination": "us"}))
    promise, answer = (message.payload for message in sent(hub, count=2))
    assert (promise.msg_type, promise.data["query"], promise.data["timeout"]) == ("x.handling", "c", 7)
    assert (answer.msg_type, answer.data["n"], answer.data["handler"]) == ("x.response", 1, promise.data["handler"])
    client.remove("x", handle)
    assert client.wrapped_funcs == {}
    peer.send_bus(BusMessage("x", {}, {"__collect_id__": "c"}))
    sync(client, peer)
    assert len(hub.of_type(HiveMessageType.BUS)) == 2


def test_an_ovos_waiter_that_is_handed_the_client_works(quiet, peer):
    from ovos_bus_client.client.waiter import MessageWaiter

    waiter = MessageWaiter(quiet, "speak")
    peer.send_bus(BusMessage("speak", {"n": 1}))
    assert waiter.wait(SOON).data == {"n": 1}


def test_ask_yields_ovos_messages_and_ends_when_the_hub_says_so(client, hub):
    hub.agent.answers["recognizer_loop:utterance"] = lambda message: [
        ("speak", {"utterance": "one"}),
        ("noise", {}),
        ("ovos.utterance.speak", {"utterance": "two"}),
        ("ovos.utterance.handled", {}),
        ("speak", {"utterance": "too late"}),
    ]
    found = list(client.ask("hello", timeout=SOON))
    assert [message.data["utterance"] for message in found] == ["one", "two"]
    assert all(isinstance(message, Message) for message in found)
    sent_message = hub.of_type(HiveMessageType.BUS)[0].payload
    assert sent_message.data["utterances"] == ["hello"]


def test_ask_fails_with_a_denial_and_with_silence(client, hub, peer):
    hub.agent.answers["recognizer_loop:utterance"] = lambda message: [
        ("hive.policy.denied", {"denied_type": message.msg_type, "code": "acl_disallowed_type", "reason": "no"})
    ]
    with pytest.raises(PolicyDenied) as denied:
        list(client.ask("hello", timeout=SOON))
    assert denied.value.denied_type == "recognizer_loop:utterance"
    hub.agent.answers.clear()
    with pytest.raises(RequestTimeout):
        list(client.ask("hello", timeout=NEVER))
    later_heard = Heard()
    client.on("speak", later_heard)
    peer.send_bus(BusMessage("speak"))
    later_heard.wait()
