"""Whose reply it is: emit, ask and wait_for_response one after the other, on hubs that keep the request id or not."""

from __future__ import annotations

import gc
import threading

import pytest
from client_kit import KEY, NEVER, PASSWORD, SOON, Agent, make_hub, sent
from ovos_bus_client.message import Message
from ovos_bus_client.session import Session

from hivemind_sdk import BusMessage
from hivemind_sdk.errors import PolicyDenied, RequestTimeout
from hivemind_sdk.testing import Hub, HubClient

UTTERANCE, HANDLED = "recognizer_loop:utterance", "ovos.utterance.handled"
PROFILES = ("4.0.0", "4.6.1a1", "5.3.10a1")
KEPT = {
    "everything": lambda context: context,
    "the session": lambda context: {key: context[key] for key in ("source", "session")},
    "nothing": lambda context: {"source": context["source"]},
}


class Echo(Agent):
    """Repeats utterances, one after the other, and keeps of their context what it is told to."""

    def __init__(self, keeps=KEPT["everything"]):
        super().__init__()
        self._keeps = keeps

    def bus(self, message, peer):
        if message.msg_type != UTTERANCE:
            return
        asked = BusMessage(message.msg_type, message.data, self._keeps(message.context))
        text = message.data["utterances"][0]
        if not text.startswith("!"):
            peer.send_bus(asked.reply("speak", {"utterance": f"echo: {text}"}))
            peer.send_bus(asked.reply(HANDLED, {}))


def utterance(text, **context):
    return Message(UTTERANCE, {"utterances": [text]}, context)


def wait(client, text):
    return [client.wait_for_response(utterance(text), "speak", timeout=SOON).data["utterance"]]


def ask(client, text):
    return [reply.data["utterance"] for reply in client.ask(text, timeout=SOON)]


def tell(client, text):
    client.emit(utterance(text))


@pytest.mark.parametrize("keeps", KEPT)
@pytest.mark.parametrize("profile", PROFILES)
def test_each_gets_the_answer_to_its_own_question_in_any_order(connect, profile, keeps):
    with make_hub(profile=profile, agent=Echo(KEPT[keeps])) as hub:
        client = connect(hub)
        for first in (wait, ask, tell):
            for second in (wait, ask):
                for step in (first, second) * 2:
                    text = f"{first.__name__} {second.__name__} {step.__name__}"
                    assert step(client, text) in ([f"echo: {text}"], None)


def test_an_ask_that_has_ended_holds_up_nobody_whatever_becomes_of_its_iterator(connect):
    with make_hub(profile="4.6.1a1", agent=Echo(KEPT["nothing"])) as hub:
        client = connect(hub)
        unread = client.ask("unread", timeout=SOON)
        late = client.ask("!silent", timeout=NEVER)
        assert ask(client, "next") == ["echo: next"]
        assert [reply.data["utterance"] for reply in unread] == ["echo: unread"]
        with pytest.raises(RequestTimeout):
            next(late)
        half = client.ask("half read", timeout=SOON)
        next(half)
        del half
        gc.collect()
        assert ask(client, "last") == ["echo: last"]


def test_what_carries_another_id_is_never_mine(connect):
    with make_hub(profile="4.6.1a1", agent=(agent := Agent())) as hub:
        client = connect(hub)
        peer = hub.wait_for(lambda hub: hub.peers)[0]
        asked = threading.Event()
        agent.answers[UTTERANCE] = lambda message: asked.set() or []
        answers = client.ask("hi", timeout=SOON)
        assert asked.wait(SOON)
        question = sent(hub)[0].payload
        peer.send_bus(question.reply("speak", {"utterance": "theirs"}, {"hivemind_request_id": "another"}))
        peer.send_bus(question.reply(HANDLED, {}, {"hivemind_request_id": "another"}))
        peer.send_bus(question.reply("speak", {"utterance": "mine"}))
        peer.send_bus(question.reply(HANDLED, {}))
        assert [reply.data["utterance"] for reply in answers] == ["mine"]


@pytest.mark.parametrize("send", ["emit", "ask", "wait"])
def test_the_session_of_the_caller_is_what_the_hub_gets_but_for_default(connect, send):
    with make_hub(profile="5.3.10a1", agent=Echo()) as hub:
        client = connect(hub)
        ways = {
            "emit": client.emit,
            "ask": lambda message: list(client.ask(message, timeout=SOON)),
            "wait": lambda message: client.wait_for_response(message, "speak", timeout=SOON),
        }
        session = {**Session("person-1", lang="de-DE").serialize(), "active_handlers": [["a", 1.0]]}
        ways[send](utterance("one", session=session))
        ways[send](utterance("two", session={"session_id": "default", "lang": "pt-PT"}))
        first, second = (one.payload.context for one in sent(hub, count=2))
        assert {**first["session"], "site_id": None} == {**session, "site_id": None}
        assert (second["session"]["session_id"], second["session"]["lang"]) == (client.session_id, "pt-PT")
        assert first["hivemind_request_id"] != second["hivemind_request_id"]


@pytest.mark.parametrize("message", [Message("not.allowed"), utterance("hi")])
def test_a_denied_wait_ends_at_once_with_the_denial(connect, message):
    with Hub([HubClient(KEY, PASSWORD, allowed_types=())], "4.6.1a1") as hub:
        client = connect(hub)
        for verb in (client.wait_for_response, lambda *args, **more: client.wait_for_payload_response(*args, **more)):
            with pytest.raises(PolicyDenied):
                verb(message, "speak", timeout=3600)
