"""What comes in between: a link, an end, a refusal or a time-out at the one moment where it would be overlooked."""

from __future__ import annotations

import sqlite3
import threading
from types import SimpleNamespace

import pytest
from link_kit import BUS, CLIENT, LONG, deadlines, satellite

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType, State
from hivemind_sdk.contracts.status import Status
from hivemind_sdk.delivery import Outcome, Queue, Rules
from hivemind_sdk.errors import AuthenticationRefused, LinkClosed, NotConnected
from hivemind_sdk.satellite.observers import ObserverFanout
from hivemind_sdk.settings import Limits
from hivemind_sdk.testing import Hub, MemoryConnector
from hivemind_sdk.threads.sender import Sender
from hivemind_sdk.threads.store import MessageStore

KEPT = Queue(ttl=1000.0)


class Desk:
    """A mailroom whose line is here: `ready`, and `sending(message)`, may be set; `sent` is what went through it."""

    def __init__(self, store=None):
        self.ready = False
        self.sent = []
        self.sending = self.not_connected
        self.idle = threading.Event()
        """something was done that was put off"""
        self.room = Sender(Rules({}), Limits(), LONG, self.later, ObserverFanout((), {}), store)
        self.room.use(self)

    probes = True

    def send(self, message):
        self.sending(message)

    def probe(self, arrived):
        pass

    def wake(self, reason):
        pass

    def later(self, job):
        job()
        self.idle.set()

    def not_connected(self, message):
        raise NotConnected("not connected")

    def lose(self, state=State.BACKOFF, cause=None):
        self.ready = False
        self.room.state_changed(Status(State.READY, 0.0), Status(state, 0.0, cause))


@pytest.fixture
def desk():
    desk = Desk()
    yield desk
    desk.room.close("the test is over")


def test_nothing_overtakes_what_waits_when_the_link_comes_while_it_is_looked_for(desk):
    first = desk.room.post(BUS, KEPT)
    desk.sending = desk.sent.append  # the link is there now, but was not when the outbox looked
    second = desk.room.post(HiveMessage(HiveMessageType.PING, {}), KEPT)
    assert [message.msg_type for message in desk.sent] in ([], [HiveMessageType.BUS, HiveMessageType.PING])
    with pytest.raises(NotConnected):
        desk.room.post(BUS)
    desk.ready = True
    assert desk.room.flush(LONG)
    assert [first.state, second.state] == [Outcome.SENT] * 2
    assert [message.msg_type for message in desk.sent] == [HiveMessageType.BUS, HiveMessageType.PING]


def test_what_is_queued_after_all_was_closed_ends_at_once(desk):
    def closed_meanwhile(message):
        desk.room.close("closed meanwhile")
        raise LinkClosed("closed by this side", code=1000)

    desk.sending = closed_meanwhile
    receipt = desk.room.post(BUS, KEPT)
    assert (receipt.state, receipt.reason) == (Outcome.DROPPED, "closed meanwhile")


def test_a_refusal_that_comes_while_a_message_is_looked_at_ends_it(desk):
    class Slow(HiveMessage):
        def serialize(self):
            link = threading.Thread(target=lambda: desk.lose(State.REFUSED, AuthenticationRefused("go away")))
            link.start()
            link.join(LONG)
            return super().serialize()

    with pytest.raises(NotConnected):
        desk.room.post(Slow(HiveMessageType.BUS, BusMessage("x")), KEPT)
    assert desk.room.drain(0)


def test_what_expires_while_it_is_being_sent_in_vain_ends(desk):
    receipt = desk.room.post(BUS, Queue(ttl=0.01))

    def too_slow(message):
        assert desk.idle.wait(LONG)  # its time is over: it was looked for
        desk.ready = False
        raise LinkClosed("gone", code=1006)

    desk.sending, desk.ready = too_slow, True
    desk.room.flush(0)
    assert receipt.wait(LONG) is Outcome.EXPIRED


def test_what_expires_while_it_waits_for_its_confirmation_ends_with_the_link(tmp_path):
    desk = Desk(MessageStore(str(tmp_path / "messages.db")))
    desk.ready, desk.sending = True, desk.sent.append
    receipt = desk.room.post(BUS, Queue(ttl=0.5, durable=True))
    assert receipt.state is Outcome.UNCONFIRMED
    assert desk.idle.wait(LONG)
    desk.lose()
    assert receipt.wait(LONG) is Outcome.EXPIRED
    desk.room.close("the test is over")


@pytest.mark.parametrize("damage", ["text='{'", "text='[]'", "text=x'00'", "expires='soon', text='{'"])
def test_a_damaged_row_is_dropped_and_holds_up_nothing(damage, tmp_path):
    file = str(tmp_path / "messages.db")
    sat = satellite(SimpleNamespace(connect=None), durable=file)
    sat.emit_many([BusMessage("speak", {"n": number}) for number in (1, 2)], delivery=Queue(1000, durable=True))
    sat.close()
    with sqlite3.connect(file) as database:
        database.execute(f"UPDATE messages SET {damage} WHERE number = 1")
    database.close()
    with Hub([CLIENT]) as hub:
        sat = satellite(hub.connector(), durable=file)
        sat.connect()
        assert sat.drain(LONG)
        assert [message.payload.data["n"] for message in hub.of_type(HiveMessageType.BUS)] == [2]


def test_close_does_not_wait_longer_for_who_is_sending_than_it_was_told():
    entered, go = threading.Event(), threading.Event()
    with Hub([CLIENT]) as hub:
        connector = hub.connector()

        def connect(dial):
            transport = MemoryConnector.connect(connector, dial)
            send = transport.send
            transport.send = lambda frame: (sat.status.state is State.READY and (entered.set(), go.wait()), send(frame))
            return transport

        sat = satellite(SimpleNamespace(connect=connect), deadlines=deadlines(send=LONG))
        sat.connect()
        thread = threading.Thread(target=lambda: sat.emit(BUS, delivery=KEPT))
        thread.start()
        assert entered.wait(LONG)
        closing = threading.Thread(target=lambda: sat.close(0.01))
        closing.start()
        closing.join(LONG / 3)
        in_time = not closing.is_alive()
        go.set()
        thread.join(LONG)
        closing.join(LONG)
    assert in_time
