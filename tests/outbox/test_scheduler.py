"""What is sent next, driven without threads: by a shell of a few lines, and by one on asyncio."""

from __future__ import annotations

import asyncio
import math

import pytest

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType, State
from hivemind_sdk.contracts.status import Status
from hivemind_sdk.delivery import Outcome, Queue, Rules
from hivemind_sdk.engine.entries import Backlog, Entry, Moment, Probe
from hivemind_sdk.engine.redelivery import DELIVERY
from hivemind_sdk.engine.sender import Expire, Read, Remove, Send, SendScheduler, instead, message_of
from hivemind_sdk.errors import LinkClosed, NotConnected, OutboxFull
from hivemind_sdk.settings import Limits

BIG, MIB = 2 * 1024 * 1024, 1024 * 1024
UP, DOWN = Status(State.READY, 0.0), Status(State.BACKOFF, 0.0)


class Shell:
    """Does at once what the scheduler decides. `disk`: row -> (text, end).

    `deaf`: the hub answers no probes, or (the name of a message) none once it got that on this link.
    """

    def __init__(self, disk=None, **limits):
        self.disk = dict(disk or {})
        self.now = Moment(1000.0, 1e9)
        backlog = Backlog(len(self.disk), 0, min((end for _, end in self.disk.values()), default=math.inf))
        backlog.last = max(self.disk, default=0)
        self.core = SendScheduler(Rules({}), Limits(**limits), 10.0, backlog)
        self.ready = self.deaf = False
        self.link_from = 0
        self.sent, self.outcomes, self.actions = [], {}, []

    def post(self, name, size=100, ttl=3600.0):
        """A durable message."""
        _, entry = self.core.durable(HiveMessage("bus", BusMessage(name)), ttl, self.now)
        entry.size, entry.receipt = size, name
        self.core.outbox.reserve([entry])
        self.disk[entry.row] = entry.content, entry.expires
        self.core.stored([entry], ready=self.ready)
        self.run()

    def up(self):
        self.ready, self.link_from = True, len(self.sent)
        self.core.state_changed(DOWN, UP)
        self.run()

    def down(self, code=1006):
        self.ready = False
        self.core.state_changed(UP, Status(State.BACKOFF, 0.0, LinkClosed(code=code)))
        self.run()

    def wait(self, seconds):
        self.now = Moment(self.now.monotonic + seconds, self.now.wall + seconds)
        self.core.timed_out(self.now)
        self.run()

    def run(self):
        while (action := self.core.next(self.now, ready=self.ready)) is not None:
            self.actions.append(type(action))
            self.DO[type(action)](self, action)
        for entry, outcome, reason in self.core.ended(self.now):
            self.outcomes[entry.receipt or entry.row or len(self.outcomes)] = outcome, reason

    def send(self, action):
        entry = action.entry
        message = message_of(entry, self.disk[entry.row][0] if entry.row else None)
        self.sent.append((message.payload.msg_type, message.payload.context.get(DELIVERY, {}).get("redelivered")))
        self.core.sent(entry, confirmable=True)

    def probe(self, action):
        if self.deaf is not True and self.deaf not in [name for name, _ in self.sent[self.link_from :]]:
            self.core.answered(action)

    def remove(self, action):
        for row in action.rows:
            del self.disk[row]

    def rows(self, action, most_end=math.inf):
        found = [row for row, (_, end) in self.disk.items() if action.after < row <= action.last and end <= most_end]
        return [Entry(HiveMessageType.BUS, None, 100, self.disk[row][1], row=row) for row in sorted(found)[:64]]

    def read(self, action):
        self.core.loaded(self.rows(action))

    def expire(self, action):
        gone = self.rows(action, action.wall)
        for entry in gone:
            del self.disk[entry.row]
        ends = [end for row, (_, end) in self.disk.items() if action.after < row <= action.last]
        self.core.expired(gone, min(ends, default=math.inf))

    DO = {Send: send, Probe: probe, Remove: remove, Read: read, Expire: expire}  # noqa: RUF012


# --- messages that a hub can't take -------------------------------------------------------------------------------


def test_a_link_closed_as_too_big_drops_the_largest_and_the_rest_goes_on():
    shell = Shell()
    shell.deaf = True
    shell.up()
    for name, size in (("small", 100), ("big", 5000), ("other", 200)):
        shell.post(name, size)
    shell.down(1009)
    assert shell.outcomes["big"][0] is Outcome.DROPPED
    assert "5000 bytes" in shell.outcomes["big"][1]
    shell.deaf = False
    shell.up()
    shell.wait(1)
    assert [(name, outcome) for name, (outcome, _) in shell.outcomes.items()][1:] == [
        ("small", Outcome.CONFIRMED),
        ("other", Outcome.CONFIRMED),
    ]


def test_a_big_message_that_ends_two_links_while_others_pass_is_dropped():
    shell = Shell()
    shell.deaf = "big"
    shell.up()
    shell.post("big", BIG)
    shell.post("small")
    shell.down()
    assert shell.outcomes == {}
    shell.up()
    assert shell.sent[2:] == [("small", True), ("big", True)]
    assert shell.outcomes == {"small": (Outcome.CONFIRMED, "")}
    shell.down()
    assert shell.outcomes["big"][0] is Outcome.DROPPED
    assert "2 links" in shell.outcomes["big"][1]


@pytest.mark.parametrize("size", [100, MIB])
def test_a_small_message_is_never_blamed_for_a_hub_that_restarts(size):
    shell = Shell()
    shell.post("small", size)
    shell.deaf = "small"
    for number in range(10):
        shell.post(f"other {number}")
        shell.up()
        shell.down()
    assert shell.outcomes == {}
    shell.deaf = False
    shell.up()
    shell.wait(1)
    assert {outcome for outcome, _ in shell.outcomes.values()} == {Outcome.CONFIRMED}


def test_a_big_message_alone_is_kept_however_often_the_hub_goes_away():
    shell = Shell()
    shell.deaf = True
    shell.post("big", BIG)
    for _ in range(5):
        shell.up()
        shell.down()
    assert shell.outcomes == {}
    shell.deaf = False
    shell.up()
    shell.wait(1)
    assert shell.outcomes["big"][0] is Outcome.CONFIRMED


def test_a_plain_message_that_may_have_been_too_big_is_not_put_down_to_a_durable_one():
    shell = Shell()
    shell.deaf = True
    shell.up()
    shell.post("small")
    shell.core.outbox.others_sent = True  # the shell has sent a message of unknown size
    shell.down(1009)
    assert shell.outcomes == {}


# --- what is on disk ----------------------------------------------------------------------------------------------


def texts(count, end=2e9):
    message = HiveMessage("bus", BusMessage("x", {}, {DELIVERY: {"id": "a", "redelivered": False}}))
    return {row: (message.serialize(), end + row) for row in range(1, count + 1)}


def test_a_backlog_is_read_in_parts_in_order_before_what_is_new():
    shell = Shell(texts(500), outbox_messages=1000)
    shell.post("new")
    assert Read not in shell.actions
    shell.up()
    shell.wait(1)
    assert shell.actions.count(Read) == math.ceil(500 / 64)
    assert shell.sent == [("x", True)] * 500 + [("new", False)]
    shell.wait(1)
    assert shell.disk == {}
    assert shell.actions.count(Remove) <= 501 // 256 + 1
    assert shell.core.outbox.empty


def test_a_backlog_counts_against_the_bounds():
    shell = Shell(texts(10), outbox_messages=11)
    shell.post("one")
    with pytest.raises(OutboxFull):
        shell.post("two")


def test_what_is_on_disk_expires_there_by_the_wall_clock():
    shell = Shell(texts(200, end=1e9 + 50), outbox_messages=1000)
    due = shell.core.next_deadline(shell.now)
    assert due == shell.now.monotonic + 51
    shell.wait(151)
    assert len(shell.disk) == 99
    assert [outcome for outcome, _ in shell.outcomes.values()] == [Outcome.EXPIRED] * 101
    shell.up()
    shell.wait(1)
    assert len(shell.sent) == 99


def test_a_disk_that_fails_is_tried_again_later_and_nothing_is_lost():
    shell = Shell(texts(3))
    broken = SendScheduler.disk_failed
    shell.DO = {**shell.DO, Read: lambda self, action: broken(self.core, action, self.now)}
    shell.up()
    assert shell.actions == [Read]
    due = shell.core.next_deadline(shell.now) - shell.now.monotonic
    assert 1 <= due <= 60
    shell.DO = Shell.DO
    shell.wait(due)
    assert len(shell.sent) == 3


def test_answers_are_asked_for_at_once_if_somebody_waits_and_now_and_then_otherwise():
    shell = Shell()
    shell.up()
    for number in range(10):
        shell.post(str(number))
    assert shell.actions.count(Probe) == 1
    shell.core.hurry()
    shell.run()
    assert shell.actions.count(Probe) == 2
    shell.post("last")
    assert len(shell.outcomes) == 10
    shell.wait(shell.core.next_deadline(shell.now) - shell.now.monotonic)
    assert len(shell.outcomes) == 11
    assert {outcome for outcome, _ in shell.outcomes.values()} == {Outcome.CONFIRMED}


# --- another shell ------------------------------------------------------------------------------------------------


def test_asyncio_can_drive_the_same_decisions():
    async def main():
        core, sent, done = SendScheduler(Rules({}), Limits(), 10.0), [], asyncio.Event()
        loop = asyncio.get_running_loop()

        def now():
            return Moment(loop.time(), 1e9 + loop.time())

        async def work(ready):
            while isinstance(action := core.next(now(), ready=ready), Send):
                await asyncio.sleep(0)  # as a socket's
                sent.append(message_of(action.entry).payload.msg_type)
                core.sent(action.entry, confirmable=False)
            ended.extend((one.entry.receipt, one.outcome) for one in core.ended(now()))
            if len(ended) == 2:
                done.set()

        async def alarm():
            await asyncio.sleep(core.next_deadline(now()) - loop.time())
            core.timed_out(now())
            await work(ready=False)

        ended = []
        for name, ttl in (("short", 0.01), ("long", 60.0)):
            error = NotConnected("no link yet")
            entry = instead(HiveMessage("bus", BusMessage(name)), Queue(ttl), error, now())
            entry.receipt = name
            core.wait(entry, error)
        await alarm()
        core.state_changed(DOWN, UP)
        await work(ready=True)
        await asyncio.wait_for(done.wait(), 10)
        return sent, ended

    sent, ended = asyncio.run(main())
    assert sent == ["long"]
    assert ended == [("short", Outcome.EXPIRED), ("long", Outcome.SENT)]


def test_a_durable_message_expires_by_the_clock_that_nobody_sets():
    day = 86_400.0
    core = SendScheduler(Rules({}), Limits(), 1.0, Backlog())
    _, entry = core.durable(HiveMessage.of_bus(BusMessage("a", {})), 10.0, Moment(100.0, 1000.0))
    core.adopt([entry], ready=False)
    for now in (Moment(109.0, 1000.0 + day), Moment(109.9, 1000.0 - day)):
        core.timed_out(now)
        assert core.ended(now) == []
        assert core.next_deadline(now) == pytest.approx(110.0)
    now = Moment(110.0, 1000.0 - day)
    core.timed_out(now)
    assert [one.outcome for one in core.ended(now)] == [Outcome.EXPIRED]
