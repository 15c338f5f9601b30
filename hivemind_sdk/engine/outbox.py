"""What waits to be sent, as decisions: order, bounds, times to live, what is to be sent again. No I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..delivery import Outcome
from ..errors import OutboxFull
from ..messages import HiveMessage, HiveMessageType


class Moment(NamedTuple):
    """A reading of both clocks, in seconds: durable messages live by the wall clock, others by the monotonic one."""

    monotonic: float
    wall: float


@dataclass(slots=True, eq=False)
class Entry:
    """One message that waits. `number`: its place; `expires`: by the clock that it lives by; `key`: see Latest.

    `content`: the message, or its JSON text, so that what the caller still changes does not change it.
    """

    number: int
    kind: HiveMessageType
    content: HiveMessage | str
    size: int
    expires: float
    key: str | None = None
    durable: bool = False
    marked: bool = False
    """it may have been delivered before, and has to say so"""

    def left(self, now: Moment) -> float:
        """Seconds that it may still be sent in."""
        return self.expires - (now.wall if self.durable else now.monotonic)


class Ended(NamedTuple):
    """What became of an entry, and why."""

    entry: Entry
    outcome: Outcome
    reason: str = ""


class Probe(NamedTuple):
    """A question to the far end: when it is answered, all up to `number` that was sent on this `link` has arrived."""

    number: int
    link: int


class Outbox:
    """Entries in the order of their numbers. Not thread-safe: its caller has a lock.

    An entry is `put`, given out by `take`, one at a time, and then `sent`, `returned` or `rejected`. A durable one that
    was sent is unconfirmed until a `probe` is answered; `lost` makes it wait again.
    """

    def __init__(self, max_messages: int, max_bytes: int, window: int) -> None:
        """`window`: how many may be unconfirmed; the next is given out when one of them has been confirmed."""
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._window = window
        self._waiting: dict[int, Entry] = {}
        self._unconfirmed: dict[int, Entry] = {}
        self._by_key: dict[str, Entry] = {}
        self._in_hand: Entry | None = None
        self._lost_in_hand = False
        self._probe: Probe | None = None
        self._link = 0
        self._bytes = 0
        self._ended: list[Ended] = []
        self._closed: str | None = None

    def __len__(self) -> int:
        """Entries that wait, the one in hand included, and those that were sent and not confirmed."""
        return len(self._waiting) + len(self._unconfirmed)

    @property
    def waiting(self) -> bool:
        """Whether something is to be sent now. Any thread may look."""
        return bool(self._waiting) and len(self._unconfirmed) < self._window

    @property
    def oldest(self) -> int | None:
        """The number of the first entry that waits; None: nothing is to be sent."""
        return next(iter(self._waiting), None)

    # --- entries come ---

    def restore(self, entry: Entry) -> None:
        """An entry of an earlier life, whatever the bounds say. In the order of their numbers, before any `put`."""
        self._add(entry)

    def check(self, size: int, key: str | None = None) -> None:
        """Raises OutboxFull where an entry of this size could not be `put`."""
        replaced = self._replaceable(key)
        count = len(self) - (replaced is not None)
        used = self._bytes - (replaced.size if replaced is not None else 0)
        if count >= self._max_messages or used + size > self._max_bytes:
            raise OutboxFull(
                f"{count} messages of {used} bytes wait already; one of {size} bytes more would be above the limits of "
                f"{self._max_messages} messages and {self._max_bytes} bytes",
                hint="the link is down or too slow, see `status`; or raise Limits.outbox_messages and outbox_bytes",
            )

    def put(self, entry: Entry) -> None:
        """Keep one more; its number is above all before. Raises OutboxFull, with nothing changed."""
        self.check(entry.size, entry.key)
        replaced = self._replaceable(entry.key)
        if replaced is not None:
            self._end(replaced, Outcome.REPLACED)
        self._add(entry)
        self._settle(entry)

    # --- entries are sent ---

    def take(self, now: Moment) -> Entry | None:
        """The next one to be sent, never one that has expired.

        None where nothing waits, where one is in hand, and where too many are unconfirmed.
        """
        if len(self._unconfirmed) >= self._window:
            return None
        while self._in_hand is None and (number := self.oldest) is not None:
            entry = self._waiting[number]
            if entry.left(now) > 0:
                self._in_hand, self._lost_in_hand = entry, False
                return entry
            self._expire(entry)
        return None

    def sent(self, entry: Entry, *, confirmable: bool = True) -> None:
        """What was taken is with the transport. Where that is not `confirmable`, nothing more will be known of it."""
        self._in_hand = None
        if not (entry.durable and confirmable):
            self._end(entry, Outcome.SENT)
        elif self._lost_in_hand:  # with the link that it was given to
            entry.marked = True
            self._settle(entry)
        else:
            del self._waiting[entry.number]
            self._unconfirmed[entry.number] = entry
            self._settle(entry)

    def returned(self, entry: Entry) -> None:
        """What was taken was not sent: it is the next again."""
        self._in_hand = None
        if entry.key is not None and self._by_key.get(entry.key) is not entry:
            self._end(entry, Outcome.REPLACED)
        else:
            self._settle(entry)

    def rejected(self, entry: Entry, reason: str) -> None:
        """What was taken can't be sent at all."""
        self._in_hand = None
        self._end(entry, Outcome.DROPPED, reason)

    def probe(self) -> Probe | None:
        """What to ask the far end now; None where nothing is unconfirmed, or an answer is awaited already."""
        if self._probe is not None or not self._unconfirmed:
            return None
        self._probe = Probe(next(reversed(self._unconfirmed)), self._link)
        return self._probe

    @property
    def asked(self) -> bool:
        """Whether an answer is awaited."""
        return self._probe is not None

    def unanswered(self) -> None:
        """The answer is not waited for any longer: the next `probe` asks anew."""
        self._probe = None

    def confirm(self, probe: Probe) -> None:
        """A probe was answered. The answer of a link that is gone comes too late: what it was about waits again."""
        if probe.link != self._link:
            return
        self._probe = None
        while self._unconfirmed and (number := next(iter(self._unconfirmed))) <= probe.number:
            self._end(self._unconfirmed[number], Outcome.CONFIRMED)

    def lost(self) -> None:
        """The link is gone: what was not confirmed waits again, before all else, and will say that it comes again."""
        self._link += 1
        self._probe = None
        self._lost_in_hand = True
        for entry in self._unconfirmed.values():
            entry.marked = True
        self._waiting = {**self._unconfirmed, **self._waiting}
        self._unconfirmed.clear()

    # --- entries end ---

    def expire(self, now: Moment) -> float | None:
        """End what has expired. -> seconds until the next one does; None: there is none"""
        lefts = []
        for entry in self._idle():
            left = entry.left(now)
            if left > 0:
                lefts.append(left)
            else:
                self._expire(entry)
        return min(lefts, default=None)

    def give_up(self, reason: str, since: int = 0) -> None:
        """No link will come: what waits, from this number on, is dropped. What is durable stays, should one come."""
        for entry in self._idle():
            if entry.number < since:
                continue
            if entry.durable:
                self._ended.append(Ended(entry, Outcome.KEPT, reason))
            else:
                self._end(entry, Outcome.DROPPED, reason)

    def close(self, reason: str) -> None:
        """Nothing is sent any more: what is durable stays on disk, the rest is dropped."""
        self._closed = reason
        for entry in [*self._unconfirmed.values(), *self._idle()]:
            self._settle(entry)

    @property
    def untold(self) -> bool:
        """Whether `take_ended` has something to say."""
        return bool(self._ended)

    def take_ended(self) -> list[Ended]:
        """What became final since this was last asked: for each entry once, but for what is KEPT and lives on."""
        ended, self._ended = self._ended, []
        return ended

    def _idle(self) -> list[Entry]:
        """What waits and may end now: what is in hand is heard of later."""
        return [entry for entry in self._waiting.values() if entry is not self._in_hand]

    def _replaceable(self, key: str | None) -> Entry | None:
        entry = self._by_key.get(key) if key is not None else None
        return entry if entry is not self._in_hand else None

    def _add(self, entry: Entry) -> None:
        self._waiting[entry.number] = entry
        self._bytes += entry.size
        if entry.key is not None:
            self._by_key[entry.key] = entry

    def _settle(self, entry: Entry) -> None:
        """It goes on, or, after `close`, does not."""
        if self._closed is not None:
            self._end(entry, Outcome.KEPT if entry.durable else Outcome.DROPPED, self._closed)

    def _expire(self, entry: Entry) -> None:
        self._end(entry, Outcome.EXPIRED, "it may have been delivered, and was not confirmed" if entry.marked else "")

    def _end(self, entry: Entry, outcome: Outcome, reason: str = "") -> None:
        if self._waiting.pop(entry.number, None) is None:
            del self._unconfirmed[entry.number]
        self._bytes -= entry.size
        if entry.key is not None and self._by_key.get(entry.key) is entry:
            del self._by_key[entry.key]
        self._ended.append(Ended(entry, outcome, reason))
