"""Decides who sends next, what waits and when it ends, when to ask for confirmation, what is written to disk.

No I/O, lock, thread or clock: a shell passes the time in, does what `next` returns, and reports what came of it. It
calls `next` again until that is None, and later: when something was posted, when the link is in another state, when a
probe was answered, and at `next_deadline` after `timed_out`. If the disk fails, it calls `disk_failed`. It takes what
has `ended` after each call. It makes all calls under one lock, or on one thread.
"""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from .._startup import dataclass
from ..contracts import LinkTally
from ..contracts.status import State, Status
from ..delivery import Drop, Latest, Outcome, Policy, Queue, Raise, Rules
from ..errors import (
    LinkClosed,
    LinkError,
    LinkTimeout,
    MalformedFrame,
    MalformedMessage,
    NotConnected,
    SettingsError,
)
from ..messages import HiveMessage, HiveMessageType
from ..messages.hive import SerializedMessage
from ..settings import Limits
from .entries import Backlog, Ended, Entry, Moment, Probe
from .outbox import Outbox
from .redelivery import stamp

REMOVE_AT, REMOVE_AFTER = 256, 0.2
"""Rows that are done with are removed from the disk when there are so many, or after so many seconds: a transaction for
each confirmation would cost more than sending. After a crash in between they are sent again, and say so."""
PROBE_EVERY = 0.05
"""Seconds between probes, unless somebody waits for the answer or half of the window is unconfirmed: a probe for each
message costs half as much as the message."""
PAGE = 64
"""rows that are read, or expire, in one step"""
DISK_RETRY = 10.0
"""seconds after which the disk is tried again"""
_TOO_BIG = 1009


@dataclass(frozen=True, slots=True)
class Send:
    """Send this entry (see `message_of`); then call `sent`, `failed` or `rejected`."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove these rows from the disk."""

    rows: list[int]


@dataclass(frozen=True, slots=True)
class Read:
    """Read up to PAGE rows above `after`, up to `last`, without their texts; then call `loaded`."""

    after: int
    last: int


@dataclass(frozen=True, slots=True)
class Expire:
    """Remove up to PAGE rows above `after`, up to `last`, that end by `wall`; then call `expired`."""

    after: int
    last: int
    wall: float


Action = Send | Probe | Remove | Read | Expire


class SendScheduler:
    """One for each satellite. `patience`: seconds that the answer to a probe is waited for.

    `backlog`: what an earlier run has left on disk; None: there is no file for durable messages. `tally` counts what
    becomes of messages.
    """

    # fmt: off
    __slots__ = (
        "_answers", "_asked_at", "_deliveries", "_disk_retry", "_gone", "_gone_since", "_hopeless", "_hurry", "_ids",
        "_patience", "_rows", "_run", "_unreadable", "closed", "outbox", "policy", "some_durable",
    )
    # fmt: on

    def __init__(
        self,
        rules: Rules,
        limits: Limits,
        patience: float,
        backlog: Backlog | None = None,
        tally: LinkTally | None = None,
    ) -> None:
        self.outbox = Outbox(limits.outbox_messages, limits.outbox_bytes, limits.outbox_unconfirmed, backlog)
        self.policy: Callable[[HiveMessage], Policy] = rules.of
        self.some_durable = rules.some_durable
        """False: no message is durable unless its caller says so"""
        self._deliveries = (tally or LinkTally()).deliveries
        self._patience = patience
        self._rows = itertools.count(backlog.last + 1) if backlog is not None else None
        self._run, self._ids = secrets.token_hex(8), itertools.count(1)
        """message ids differ between runs, and are made without asking the system each time"""
        self.closed: str | None = None
        """why nothing more is taken"""
        self._hopeless: str | None = None
        self._asked_at = -math.inf
        self._hurry = False
        self._answers: list[Probe] = []
        self._gone: list[int] = []
        """rows to be removed from the disk"""
        self._gone_since = 0.0
        self._disk_retry = -math.inf
        self._unreadable = False
        """what is to be sent next could not be read from disk"""

    # --- messages come ---

    def check_open(self) -> None:
        """Raises NotConnected if nothing more is taken. Any thread, without the lock."""
        if self.closed is not None:
            raise NotConnected(f"nothing more is sent: {self.closed}", hint="make a new satellite")

    def wait(self, entry: Entry, error: LinkError) -> None:
        """Keep an entry of `instead` until the link is there. Raises OutboxFull; `error` if no link will come."""
        if self._hopeless is not None:
            raise error
        self.outbox.check(entry.size, 1, entry.key)
        self.outbox.put(entry)
        self.count(Outcome.QUEUED)

    def count(self, outcome: Outcome) -> None:
        """Counts a message with this outcome. `wait` and `ended` count their own messages."""
        self._deliveries[outcome] = self._deliveries.get(outcome, 0) + 1

    def durable(self, message: HiveMessage, ttl: float, now: Moment) -> tuple[HiveMessage, Entry]:
        """The message with its id, and an entry of it. Any thread, without the lock.

        Raises SettingsError, MalformedMessage, NotEncodable.
        """
        message_id = f"{self._run}-{next(self._ids)}"
        marked = stamp(message, message_id)
        if self._rows is None:
            raise SettingsError("no file is set for durable messages", hint="pass durable=PATH, see Settings.durable")
        text = marked.serialize()
        size, row = len(text.encode()), next(self._rows)
        ends = now.monotonic + ttl
        return marked, Entry(message.msg_type, text, size, now.wall + ttl, row=row, message_id=message_id, ends=ends)

    def stored(self, entries: list[Entry], *, ready: bool) -> None:
        """Entries for which there is room (`outbox.reserve`) are on disk, and are sent in their turn."""
        self.outbox.release(entries)
        for entry in entries:
            entry.stored = True
        self.adopt(entries, ready=ready)

    def adopt(self, entries: list[Entry], *, ready: bool) -> None:
        """Entries that are on disk without having been reserved, whatever the bounds say."""
        self.outbox.put_stored(entries, PAGE if ready else 0)
        if self._hopeless is not None:
            for entry in entries:
                self.outbox.keep(entry, self._hopeless)

    # --- what is to be done ---

    def next(self, now: Moment, *, ready: bool) -> Action | None:
        """What the shell does now; None: nothing. `ready`: the link is READY."""
        outbox, disk = self.outbox, now.monotonic >= self._disk_retry
        self.settle_answers()
        if ready and outbox.askable and (self._urgent or now.monotonic >= self._asked_at + PROBE_EVERY):
            self._asked_at, self._hurry = now.monotonic, False
            return outbox.probe()
        if disk and self._gone and (self._remove_at <= now.monotonic or self.closed is not None):
            rows, self._gone = self._gone, []
            return Remove(rows)
        backlog = outbox.backlog
        if disk and backlog.first_end <= now.wall:
            return Expire(backlog.read, backlog.last, now.wall)
        if not ready or (self._unreadable and not disk):
            return None
        self._unreadable = False
        if outbox.unread:
            return Read(backlog.read, backlog.last)
        entry = outbox.take(now)
        return Send(entry) if entry is not None else None

    def sent(self, entry: Entry, *, confirmable: bool) -> None:
        """The link has taken it. `confirmable`: it can say when the message has arrived."""
        self.outbox.sent(entry, confirmable=confirmable)

    def failed(self, entry: Entry) -> None:
        """It was not sent: it is the next again. The shell stops until the link has changed, or the next post."""
        self.outbox.returned(entry)

    def rejected(self, entry: Entry, reason: str) -> None:
        """It can't be sent at all."""
        self.outbox.rejected(entry, reason)

    def loaded(self, entries: list[Entry]) -> None:
        """Rows that were to be read."""
        self.outbox.loaded(entries)

    def expired(self, entries: list[Entry], first_end: float) -> None:
        """Rows that had expired and are removed. `first_end`: wall-clock seconds of the next such row's end."""
        self.outbox.expired_unread(entries, first_end)

    def disk_failed(self, action: Send | Remove | Read | Expire, now: Moment) -> None:
        """The disk did not do it, or the text of what was to be sent could not be read: later again."""
        self._disk_retry, self.outbox.deadline_moved = now.monotonic + DISK_RETRY, True
        if isinstance(action, Remove):
            self._gone = action.rows + self._gone
        else:
            self._unreadable = True
            if isinstance(action, Send):
                self.outbox.returned(action.entry)

    # --- the link ---

    def state_changed(self, before: Status, after: Status) -> None:
        """The link is in another state."""
        if before.state is State.READY:
            cause = after.cause
            self.outbox.lost(too_big=isinstance(cause, LinkClosed) and cause.code == _TOO_BIG)
        self._hopeless = str(after.cause) if after.state is State.REFUSED else None
        if self._hopeless is not None:
            self.outbox.give_up(self._hopeless)

    def answered(self, probe: Probe) -> None:
        """The far end has answered a probe. Any thread, without the lock."""
        self._answers.append(probe)

    def settle_answers(self) -> None:
        """End what was confirmed."""
        while self._answers:
            self.outbox.confirm(self._answers.pop(0))

    # --- time ---

    def timed_out(self, now: Moment) -> None:
        """`next_deadline` has come."""
        self.outbox.deadline_moved = True
        self.outbox.expire(now)
        if self.outbox.asked and now.monotonic >= self._asked_at + self._patience:
            self.outbox.unanswered()  # question or answer may have been mutilated, and the link lives on

    def next_deadline(self, now: Moment) -> float:
        """Monotonic seconds at which to call `timed_out` and `next`; math.inf: there is nothing to wait for.

        For what `next` does in passing while messages are posted it is twice as late, so that no timer is needed then.
        """
        outbox = self.outbox
        if outbox.closed is not None:
            return math.inf
        deadline = now.monotonic + outbox.left(now)
        if self._gone or self._unreadable or outbox.backlog.count:
            disk = self._disk_retry if self._unreadable else now.monotonic + outbox.backlog.first_end - now.wall
            if self._gone:
                disk = min(disk, self._remove_at + REMOVE_AFTER)
            deadline = min(deadline, max(disk, self._disk_retry))
        if outbox.asked:
            return min(deadline, self._asked_at + self._patience)
        return min(deadline, self._asked_at + 2 * PROBE_EVERY) if outbox.askable else deadline

    @property
    def _remove_at(self) -> float:
        return self._gone_since + REMOVE_AFTER if len(self._gone) < REMOVE_AT else -math.inf

    # --- what ends ---

    @property
    def pending(self) -> bool:
        """True if a call of `next` would give something to do on a link that is READY. Any thread, without the lock."""
        outbox = self.outbox
        return outbox.waiting or bool(self._answers) or (outbox.askable and self._urgent)

    @property
    def _urgent(self) -> bool:
        """True if a probe is not put off."""
        return self._hurry or self.closed is not None or self.outbox.urgent

    def hurry(self) -> bool:
        """Somebody waits for a confirmation. Returns whether to call `next` now. Any thread, without the lock."""
        self._hurry = True
        return self.pending

    def ended(self, now: Moment) -> list[Ended]:
        """What became final since the last call."""
        ended = self.outbox.take_ended()
        for _, outcome, _ in ended:
            self.count(outcome)
        rows = [entry.row for entry, outcome, _ in ended if entry.row is not None and outcome is not Outcome.KEPT]
        if rows:
            if not self._gone:
                self._gone_since = now.monotonic
            self._gone += rows
        return ended

    def drain(self) -> None:
        """Take nothing more; what waits is still sent."""
        self.closed = "it is being drained"

    def close(self, reason: str) -> None:
        """Take nothing more; end what waits. What is durable stays on disk."""
        self.closed = reason
        self.outbox.close(reason)


def message_of(entry: Entry, text: str | None = None) -> HiveMessage:
    """What is to be sent for an entry. `text`: what the disk has, if `content` is None.

    Raises MalformedMessage for what the disk did not keep well.
    """
    content = entry.content if entry.content is not None else text
    if isinstance(entry.content, str) and not entry.marked:
        return SerializedMessage(entry.kind, entry.content)
    try:
        message = content if isinstance(content, HiveMessage) else HiveMessage.from_wire(content)
    except MalformedFrame as error:
        raise MalformedMessage(f"what was kept of it is damaged: {error}") from None
    return stamp(message, entry.message_id, redelivered=True) if entry.marked else message


def too_slow(patience: float) -> LinkTimeout:
    """For a message whose turn has not come within `patience` seconds."""
    return LinkTimeout(
        f"the network is too slow: what is sent before takes more than {patience:g} s",
        phase="send",
        hint="send less, or choose with `delivery` what becomes of messages then",
    )


def others_wait() -> NotConnected:
    """For a message that would overtake those that wait for the link."""
    return NotConnected("not connected, and others wait for the link already", hint="call connect(), or wait for READY")


def instead(message: HiveMessage, policy: Policy, error: LinkError, now: Moment) -> Entry | None:
    """For a message that could not be sent at once: the entry that is to `wait`; None: it is dropped.

    Raises `error` if the policy is Raise; NotEncodable.
    """
    return _INSTEAD[type(policy)](message, policy, error, now)


def _raise(_message: HiveMessage, _policy: Raise, error: LinkError, _now: Moment) -> None:
    raise error


def _drop(_message: HiveMessage, _policy: Drop, _error: LinkError, _now: Moment) -> None:
    return None


def _queue(message: HiveMessage, policy: Queue, _error: LinkError, now: Moment) -> Entry:
    return Entry(message.msg_type, *_snapshot(message), now.monotonic + policy.ttl)


def _latest(message: HiveMessage, policy: Latest, _error: LinkError, now: Moment) -> Entry:
    return Entry(message.msg_type, *_snapshot(message), now.monotonic + policy.ttl, policy.key or _name(message))


_INSTEAD: Mapping[type, Callable[[HiveMessage, Any, LinkError, Moment], Entry | None]] = {
    Raise: _raise,
    Drop: _drop,
    Queue: _queue,
    Latest: _latest,
}


def _snapshot(message: HiveMessage) -> tuple[HiveMessage | str, int]:
    """What the caller can't change any more, and its bytes. Raises NotEncodable."""
    if message.msg_type is HiveMessageType.BINARY:
        return message.forward(), len(message.payload)
    text = message.serialize()
    return text, len(text.encode())


def _name(message: HiveMessage) -> str:
    """The type of the bus message, or of the message."""
    inner = getattr(message.payload, "msg_type", None)
    return f"{message.msg_type.value}:{inner}" if isinstance(inner, str) else message.msg_type.value
