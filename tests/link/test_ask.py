"""ask(): each gets its own replies and nobody else's, and ends in time whatever the hub does."""

from __future__ import annotations

import gc
import threading
import time

import pytest
from link_kit import CLIENT, KEY, LONG, PASSWORD, Log, satellite

from hivemind_sdk.engine.utterances import HANDLED, UTTERANCE
from hivemind_sdk.errors import MalformedMessage, NotConnected, PolicyDenied, RequestAborted, RequestTimeout
from hivemind_sdk.messages import BusMessage
from hivemind_sdk.testing import EchoAgent, Hub, HubClient

LEGACY, V3 = "4.6.1a1", "5.3.10a1"
SOON = 0.2
"""a deadline that passes in these tests"""
MUTE = HubClient(KEY, PASSWORD, allowed_types=())


def spoken(replies):
    return [reply.data["utterance"] for reply in replies]


class Slow(EchoAgent):
    """Answers when the test says so, in the order that it wants. `keeps`: what its replies keep of the context."""

    def __init__(self, *, keeps=lambda context: context):
        self.waiting, self._keeps, self._changed = [], keeps, threading.Condition()

    def bus(self, message, peer):
        with self._changed:
            self.waiting.append((message, peer))
            self._changed.notify_all()

    def wait_for(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.waiting) >= count, LONG)

    def answer(self, number, *texts, handled=True):
        message, peer = self.waiting[number]
        message = BusMessage(message.msg_type, message.data, self._keeps(message.context))
        for text in texts:
            peer.send_bus(message.reply("speak", {"utterance": text}))
        if handled:
            peer.send_bus(message.reply(HANDLED, {}))


def linked(hub):
    sat = satellite(hub.connector())
    sat.connect()
    return sat


@pytest.mark.parametrize("profile", [LEGACY, V3])
def test_concurrent_asks_never_swap_their_answers(profile):
    with Hub([CLIENT], profile) as hub:
        sat, heard = linked(hub), {}

        def work(name):
            for number in range(5):
                text = f"{name}.{number}"
                heard[text] = spoken(sat.ask(text, timeout=LONG))

        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        assert len(heard) == 40
        assert all(answers == [f"echo: {text}"] for text, answers in heard.items())


def test_on_a_v3_hub_answers_may_come_in_any_order():
    with Hub([CLIENT], V3, agent=(agent := Slow())) as hub:
        sat = linked(hub)
        first, second = sat.ask("first"), sat.ask("second")
        agent.wait_for(2)
        agent.answer(1, "to the second")
        assert spoken(second) == ["to the second"]
        agent.answer(0, "to the first", "and more")
        assert spoken(first) == ["to the first", "and more"]


def test_on_an_older_hub_asks_take_turns():
    with Hub([CLIENT], LEGACY, agent=(agent := Slow())) as hub:
        sat = linked(hub)
        first = sat.ask("first")
        agent.wait_for(1)
        with pytest.raises(RequestTimeout, match="another ask"):
            sat.ask("second", timeout=SOON)
        assert len(agent.waiting) == 1
        agent.answer(0, "done")
        assert spoken(first) == ["done"]
        third = sat.ask("third")
        agent.wait_for(2)
        agent.answer(1, "yes")
        assert spoken(third) == ["yes"]


@pytest.mark.parametrize("profile", [LEGACY, V3])
def test_an_answer_that_comes_too_late_goes_to_nobody(profile):
    with Hub([CLIENT], profile, agent=(agent := Slow())) as hub:
        sat = linked(hub)
        with pytest.raises(RequestTimeout):
            list(sat.ask("first", timeout=SOON))
        second = sat.ask("second")
        agent.wait_for(2)
        agent.answer(0, "too late")
        agent.answer(1, "in time")
        assert spoken(second) == ["in time"]


@pytest.mark.parametrize(
    ("profile", "keeps"),
    [
        (LEGACY, lambda context: {"source": context["source"]}),
        (LEGACY, lambda context: {key: context[key] for key in ("source", "session")}),
        (V3, lambda context: {key: context[key] for key in ("source", "session")}),
    ],
    ids=["nothing on an older hub", "the session on an older hub", "the session on a v3 hub"],
)
def test_an_agent_may_keep_little_of_the_context(profile, keeps):
    with Hub([CLIENT], profile, agent=(agent := Slow(keeps=keeps))) as hub:
        replies = linked(hub).ask("hi")
        agent.wait_for(1)
        agent.answer(0, "hello")
        assert spoken(replies) == ["hello"]


def test_other_types_of_reply_can_be_asked_for_and_the_last_may_be_the_end_itself():
    with Hub([CLIENT]) as hub:
        replies = linked(hub).ask("hi", replies=("speak", HANDLED))
        assert [reply.msg_type for reply in replies] == ["speak", HANDLED]


@pytest.mark.parametrize("profile", ["4.6.1a1", "4.15.0a1", "5.3.10a1"])
def test_a_denial_is_typed_and_ends_the_request_at_once(profile):
    with Hub([MUTE], profile) as hub:
        sat = linked(hub)
        for _ in range(2):
            with pytest.raises(PolicyDenied, match="acl_disallowed_type") as denied:
                list(sat.ask("hi"))
            assert denied.value.denied_type == UTTERANCE
            assert "allow-msg" in denied.value.hint


def test_the_denial_of_something_else_ends_nothing():
    with Hub([CLIENT], LEGACY, agent=(agent := Slow())) as hub:
        sat = linked(hub)
        replies = sat.ask("hi")
        sat.emit(BusMessage("not.allowed"))
        agent.wait_for(1)
        hub.wait_for(lambda hub: len(hub.received) == 2)
        agent.answer(0, "hello")
        assert spoken(replies) == ["hello"]


def test_where_a_hub_drops_without_a_word_the_time_out_says_why_that_may_be():
    with Hub([MUTE], "4.0.0") as hub:
        with pytest.raises(RequestTimeout) as caught:
            list(linked(hub).ask("hi", timeout=SOON))
        assert "4.0" in caught.value.hint
        assert f"allow-msg {UTTERANCE}" in caught.value.hint


@pytest.mark.parametrize("profile", [LEGACY, V3])
def test_when_the_link_is_lost_who_waits_hears_of_it_at_once(profile):
    with Hub([CLIENT], profile, agent=(agent := Slow())) as hub:
        sat = linked(hub)
        replies = sat.ask("hi", timeout=3600)
        agent.wait_for(1)
        agent.waiting[0][1].close(1011, "oops")
        began = time.monotonic()
        with pytest.raises(RequestAborted, match="1011: oops"):
            next(replies)
        assert time.monotonic() - began < LONG
        assert list(replies) == []


def test_one_time_out_bounds_all_of_it():
    with Hub([CLIENT], LEGACY, agent=(agent := Slow())) as hub:
        sat = linked(hub)
        replies = sat.ask("hi", timeout=SOON)
        agent.wait_for(1)
        agent.answer(0, "one", handled=False)
        began = time.monotonic()
        with pytest.raises(RequestTimeout):
            list(replies)
        assert time.monotonic() - began < LONG / 2


@pytest.mark.parametrize("profile", [LEGACY, V3])
def test_an_abandoned_request_leaves_nothing_behind(profile):
    with Hub([CLIENT], profile) as hub:
        sat, handled, asked = linked(hub), Log(), 0
        sat.on_bus(HANDLED, handled.observe, inline=True)
        for abandon in ("unread", "half read", "exhausted", "timed out", "not sent"):
            if abandon == "unread":
                sat.ask("hi")
            elif abandon == "half read":
                next(sat.ask("hi"))
            elif abandon == "exhausted":
                list(sat.ask("hi"))
            elif abandon == "timed out":
                with pytest.raises(RequestTimeout):
                    next(sat.ask("!silence", timeout=0.01))
            else:
                sat.close()
                with pytest.raises(NotConnected):
                    sat.ask("hi")
            gc.collect()
            assert not sat.parts.requests.busy(), abandon
            if abandon in ("unread", "half read", "exhausted"):
                asked += 1
                handled.wait(lambda log, asked=asked: len(log.events) == asked)
            assert not sat.parts.requests.bus_hearers, abandon


def test_whole_messages_can_be_asked_too():
    with Hub([HubClient(KEY, PASSWORD, allowed_types={"question"})], V3, agent=(agent := Slow())) as hub:
        mine = BusMessage("question", {"a": 1}, {"lang": "de-de"})
        replies = linked(hub).ask(mine, replies=("speak",))
        agent.wait_for(1)
        asked = agent.waiting[0][0]
        assert (asked.msg_type, asked.data, asked.context["lang"]) == ("question", {"a": 1}, "de-de")
        assert mine.context == {"lang": "de-de"}
        agent.answer(0, "b")
        assert spoken(replies) == ["b"]


@pytest.mark.parametrize("what", [None, 3, ["x"]])
def test_what_can_t_be_asked_is_said_and_does_not_stand_in_the_way_of_the_next(what):
    hub = Hub([CLIENT])
    with hub, satellite(hub.connector()) as sat:
        with pytest.raises(MalformedMessage, match="can't be asked"):
            sat.ask(what)
        assert [reply.data["utterance"] for reply in sat.ask("hello")] == ["echo: hello"]
