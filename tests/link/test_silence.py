"""Links over transports whose far end forgets, or hides behind a broker: kept alive, and known to be dead."""

from __future__ import annotations

import queue
from contextlib import contextmanager
from dataclasses import replace

import pytest
from link_kit import CLIENT, CREDENTIALS, LONG

from hivemind_sdk.contracts.observations import Dropped, MessageReceived
from hivemind_sdk.contracts.status import State
from hivemind_sdk.delivery import Outcome, Queue
from hivemind_sdk.engine.silence import SilenceWatch
from hivemind_sdk.errors import LinkClosed
from hivemind_sdk.messages import BusMessage, HiveMessageType
from hivemind_sdk.satellite.satellite import Satellite
from hivemind_sdk.settings import Backoff, Deadlines, Endpoint, Settings
from hivemind_sdk.testing import Hub, MemoryState

DURABLE = Queue(ttl=3600.0, durable=True)


class Quiet:
    """A transport that states a silence; the newest one can be cut off from its hub unnoticed."""

    def __init__(self, transport, silence):
        self._transport = transport
        self.features = replace(transport.features, silence=silence, probes=False)
        self.sent = queue.SimpleQueue()
        self.deaf = False

    def send(self, frame):
        self.sent.put(frame)
        if not self.deaf:
            self._transport.send(frame)

    def receive(self, timeout=None):
        return self._transport.receive(timeout)

    def close(self, *args, **options):
        self._transport.close(*args, **options)


class Connector:
    def __init__(self, hub, silence):
        self._inner, self._silence = hub.connector(), silence

    def connect(self, dial):
        self.newest = Quiet(self._inner.connect(dial), self._silence)
        return self.newest


class Heard:
    def __init__(self):
        self.events = []

    def observe(self, event):
        if isinstance(event, (Dropped, MessageReceived)):
            self.events.append(event)


@pytest.fixture
def hub():
    with Hub([CLIENT], "5.3.10a1") as hub:
        yield hub


@contextmanager
def satellite(hub, silence, answer_within, observer, **changes):
    settings = Settings(
        Endpoint("memory", "hub"),
        CREDENTIALS,
        deadlines=Deadlines(keepalive_timeout=answer_within),
        backoff=Backoff(first=0.01, cap=0.05),
        **changes,
    )
    connector = Connector(hub, silence)
    one = Satellite(settings, transport=connector, identity=MemoryState(), observers=[observer])
    try:
        yield one, connector
    finally:
        one.close()


def test_a_silent_link_is_probed_and_nobody_hears_of_the_answers(hub):
    heard = Heard()
    with satellite(hub, 0.05, LONG, heard) as (one, connector):
        raw = queue.SimpleQueue()
        one.on_message(HiveMessageType.RENDEZVOUS, raw.put)
        one.connect(LONG)
        for _ in range(20):
            connector.newest.sent.get(timeout=LONG)
        assert one.status.state is State.READY
        assert raw.empty()
        assert heard.events == []


def test_a_hub_that_does_not_answer_ends_the_link_and_the_next_one_works(hub):
    with satellite(hub, 0.05, 0.2, Heard()) as (one, connector):
        causes, spoken = queue.SimpleQueue(), queue.SimpleQueue()
        one.on_state(lambda status: status.state is State.BACKOFF and causes.put(status.cause))
        one.on_bus("speak", spoken.put)
        one.connect(LONG)
        connector.newest.deaf = True
        cause = causes.get(timeout=LONG)
        assert isinstance(cause, LinkClosed)
        assert "not answered" in str(cause)
        assert one.wait_for(State.READY, timeout=LONG)
        one.emit(BusMessage("recognizer_loop:utterance", {"utterances": ["hello"], "lang": "en-us"}))
        assert spoken.get(timeout=LONG).data["utterance"] == "echo: hello"


def test_a_durable_message_is_confirmed_by_the_answer_to_a_probe(hub, tmp_path):
    with satellite(hub, LONG, LONG, Heard(), durable=str(tmp_path / "outbox")) as (one, connector):
        one.connect(LONG)
        receipt = one.emit(BusMessage("recognizer_loop:utterance", {"utterances": ["hello"]}), delivery=DURABLE)
        assert receipt.wait(LONG) is Outcome.CONFIRMED
        connector.newest.deaf = True
        late = one.emit(BusMessage("recognizer_loop:utterance", {"utterances": ["late"]}), delivery=DURABLE)
        assert late.wait(0.3) is Outcome.UNCONFIRMED
        one.drop()
        assert late.wait(LONG) is Outcome.CONFIRMED  # on the next link


def test_a_transport_that_states_none_is_left_alone(hub):
    with satellite(hub, None, 0.01, Heard()) as (one, connector):
        one.connect(LONG)
        sent = connector.newest.sent
        while not sent.empty():
            sent.get()
        with pytest.raises(queue.Empty):
            sent.get(timeout=0.2)


def test_silence_in_either_direction_counts_and_any_frame_answers():
    watch = SilenceWatch(100.0, 10.0, 3.0)
    watch.heard(109.0)
    assert watch.next_deadline == 110.0  # nothing was sent
    assert not watch.passed(109.9)
    assert watch.passed(110.0)
    watch.asked(110.0, lambda: None)
    assert watch.next_deadline == 113.0
    watch.heard(112.0)
    assert watch.next_deadline == 120.0  # nothing was sent since the probe
    assert watch.passed(120.0)
    watch.asked(120.0, lambda: None)
    with pytest.raises(LinkClosed, match="3 s"):
        watch.passed(123.0)
