"""Messages that wait to be sent or confirmed: order, bounds, expiry, redelivery. No I/O, no clock."""

from __future__ import annotations

import heapq
import math
from itertools import chain

from ..delivery import Outcome
from ..errors import OutboxFull
from .entries import Backlog, Ended, Entry, Expiries, Moment, Probe
from .suspects import blame


class Outbox:
    """Entries in the order of their numbers. Not thread-safe: its caller has a lock.

    An entry is `put`, given out by `take`, one at a time, and then `sent`, `returned` or `rejected`. A durable one that
    was sent is unconfirmed until a `probe` is answered; `lost` makes it wait again.

    A suspect (see suspects.py) is sent when nothing else waits and nothing is unconfirmed, so that others pass first
    and the blame is clear.
    """

    # fmt: off
    __slots__ = (
        "_again", "_by_key", "_bytes", "_ended", "_expiries", "_failed", "_in_hand", "_link", "_lost_in_hand",
        "_max_bytes", "_max_messages", "_number", "_probe", "_reserved", "_sequence", "_suspects",
        "_unconfirmed", "_waiting", "_window", "backlog", "closed", "deadline_moved", "empty", "others_sent",
    )
    # fmt: on

    def __init__(self, max_messages: int, max_bytes: int, window: int, backlog: Backlog | None = None) -> None:
        """`window`: how many may be unconfirmed; the next is given out when one of them has been confirmed."""
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._window = window
        self.backlog = backlog or Backlog()
        self._number = self.backlog.last
        self._waiting: dict[int, Entry] = {}
        self._again: dict[int, Entry] = {}
        """sent on an earlier link, or read from disk: before all that waits"""
        self._suspects: dict[int, Entry] = {}
        self._unconfirmed: dict[int, Entry] = {}
        self._by_key: dict[str, Entry] = {}
        self._expiries = Expiries()
        self._in_hand: Entry | None = None
        self._failed: Entry | None = None
        """the last one that this link did not take"""
        self._lost_in_hand = False
        self._probe: Probe | None = None
        self._link = self._sequence = 0
        self._bytes = self._reserved = 0
        self._ended: list[Ended] = []
        self.closed: str | None = None
        self.empty = not self.backlog.count
        """nothing is in here; any thread may look"""
        self.deadline_moved = True
        """something is to be done earlier than before; the caller takes it back"""
        self.others_sent = False
        """set by the caller: a message that is not in the outbox was sent on this link since the last answer"""

    def __len__(self) -> int:
        """Entries that wait, the one in hand included, that were sent and not confirmed, and those on disk only."""
        memory = len(self._waiting) + len(self._again) + len(self._suspects) + len(self._unconfirmed)
        return memory + self.backlog.count

    @property
    def waiting(self) -> bool:
        """True if something is to be sent now, or to be read from disk for that. Any thread may look."""
        if self._waiting or self._again or self.backlog.count:
            return len(self._unconfirmed) < self._window
        return bool(self._suspects) and not self._unconfirmed

    @property
    def unread(self) -> bool:
        """True if the next to be sent is on disk only."""
        return bool(self.backlog.count) and not self._again and self.waiting

    @property
    def last(self) -> int:
        """The number of the entry that was put last."""
        return self._number

    def waits_up_to(self, number: int) -> bool:
        """True if an entry waits that was put no later than the one with this number."""
        heads = (next(iter(queue), math.inf) for queue in (self._again, self._suspects, self._waiting))
        return bool(self.backlog.count) or min(heads) <= number

    # --- entries come ---

    def check(self, size: int, count: int = 1, key: str | None = None) -> None:
        """Raises OutboxFull if `count` entries with `size` bytes in all can't be `put`."""
        replaced = self._replaceable(key)
        have = len(self) + self._reserved - (replaced is not None)
        used = self._bytes + self.backlog.size - (replaced.size if replaced is not None else 0)
        if have + count > self._max_messages or used + size > self._max_bytes:
            raise OutboxFull(
                f"{have} messages of {used} bytes wait already; {count} of {size} bytes more would be above the limits "
                f"of {self._max_messages} messages and {self._max_bytes} bytes",
                hint="it never fits: raise Limits.outbox_bytes, or send it in parts"
                if size > self._max_bytes
                else "the link is down or too slow, see `status`; or raise Limits.outbox_messages and outbox_bytes",
            )

    def reserve(self, entries: list[Entry]) -> None:
        """Room for entries that are being stored. Raises OutboxFull, with nothing changed."""
        size = sum([entry.size for entry in entries])
        self.check(size, len(entries))
        self._reserved += len(entries)
        self._bytes += size

    def release(self, entries: list[Entry]) -> None:
        """These were not stored, or are `put` now."""
        self._reserved -= len(entries)
        self._bytes -= sum([entry.size for entry in entries])

    def put(self, entry: Entry) -> None:
        """Keep one more, behind all before. The caller has checked that there is room."""
        if entry.key is not None and (replaced := self._replaceable(entry.key)) is not None:
            self._end(replaced, Outcome.REPLACED)
        self._number += 1
        entry.number = self._number
        self._waiting[entry.number] = entry
        self.empty = False
        self._bytes += entry.size
        if entry.key is not None:
            self._by_key[entry.key] = entry
        if self.closed is not None:
            self._finish_closed(entry)
        else:
            self._watch(entry)

    def put_stored(self, entries: list[Entry], with_text: int) -> None:
        """These are on disk. If no more than `with_text` wait before one, it is sent soon, and keeps its text."""
        before = len(self)
        for entry in entries:
            before += 1
            if before > with_text:
                entry.content = None
            self.put(entry)

    def loaded(self, entries: list[Entry]) -> None:
        """The next entries of the backlog, in order; none: nothing is left of it."""
        if self.closed is not None:
            return  # they stay on disk
        self.deadline_moved = True
        backlog = self.backlog
        if not entries:
            backlog.count = backlog.size = 0
            backlog.first_end = math.inf
            self.empty = not len(self)
        for entry in entries:
            entry.number = backlog.read = entry.row or 0
            entry.marked = True
            backlog.count -= 1
            backlog.size -= entry.size
            self._bytes += entry.size
            self._again[entry.number] = entry
            self._watch(entry)

    # --- entries are sent ---

    def take(self, now: Moment) -> Entry | None:
        """The next one to be sent, never one that has expired.

        None if nothing waits in memory, if one is in hand, and if too many are unconfirmed.
        """
        while self.waiting and self._in_hand is None:
            queue = self._again or ({} if self.backlog.count else self._waiting or self._suspects)
            entry = next(iter(queue.values()), None)
            if entry is None:
                break
            if entry.left(now) > 0:
                self._in_hand, self._lost_in_hand = entry, False
                return entry
            self._expire(entry)
        return None

    def sent(self, entry: Entry, *, confirmable: bool = True) -> None:
        """What was taken is with the transport. If that is not `confirmable`, nothing more will be known of it."""
        self._in_hand = None
        if entry.row is None or not confirmable:
            self.others_sent = True
            self._end(entry, Outcome.SENT)
        elif self._lost_in_hand:  # with the link that it was given to
            entry.marked = True
            self._requeue(entry)
        else:
            self._remove(entry)
            self.deadline_moved |= not self._unconfirmed  # a probe is due from now on
            self._sequence += 1
            entry.sequence = self._sequence
            entry.content = None  # it is on disk
            self._unconfirmed[entry.number] = entry
            if self.closed is not None:
                self._finish_closed(entry)

    def returned(self, entry: Entry) -> None:
        """What was taken was not sent: it is the next again."""
        self._in_hand = None
        if entry.key is not None and self._by_key.get(entry.key) is not entry:
            self._end(entry, Outcome.REPLACED)
        elif self._lost_in_hand:
            self._requeue(entry)
        elif self.closed is not None:
            self._finish_closed(entry)
        else:
            self._failed = entry
            self._watch(entry)

    def rejected(self, entry: Entry, reason: str) -> None:
        """What was taken can't be sent at all."""
        self._in_hand = None
        self._end(entry, Outcome.DROPPED, reason)

    def probe(self) -> Probe | None:
        """What to ask the far end now; None if an answer would say nothing new, or is awaited already."""
        if not self.askable:
            return None
        self._probe = Probe(self._sequence, self._link)
        return self._probe

    @property
    def askable(self) -> bool:
        """True if the answer to a probe would say something new, and none is awaited."""
        return self._probe is None and bool(self._unconfirmed or (self._suspects and self.others_sent))

    @property
    def urgent(self) -> bool:
        """True if half of the window is in use, or more, or a suspect waits until all else is confirmed."""
        return 2 * len(self._unconfirmed) >= self._window or bool(self._suspects)

    @property
    def asked(self) -> bool:
        """True while an answer is awaited."""
        return self._probe is not None

    def unanswered(self) -> None:
        """The answer is not waited for any longer: the next `probe` asks anew."""
        self._probe = None

    def confirm(self, probe: Probe) -> None:
        """A probe was answered. Answers from a previous link are ignored; its messages are already queued again."""
        if probe.link != self._link:
            return
        self._probe, self.deadline_moved = None, True
        passed, self.others_sent = self.others_sent, False
        while self._unconfirmed:
            entry = next(iter(self._unconfirmed.values()))
            if entry.sequence > probe.sequence:
                break
            passed = True
            self._end(entry, Outcome.CONFIRMED)
        if passed:
            for suspect in self._suspects.values():
                suspect.others_passed = True

    def lost(self, *, too_big: bool = False) -> None:
        """The link is gone: what was not confirmed waits again, before all else, and is marked when it is sent again.

        `too_big`: the far end closed the link with code 1009.
        """
        self.deadline_moved = True
        self._blame(too_big)
        self._link += 1
        self._probe = self._failed = None
        self._lost_in_hand = True
        self.others_sent = False
        unconfirmed, self._unconfirmed = self._unconfirmed, {}
        self._again = {**unconfirmed, **self._again}
        for entry in unconfirmed.values():
            entry.marked = True
            self._requeue(entry)

    def _blame(self, too_big: bool) -> None:
        """Decide which message, if any, the end of the link is put down to."""
        on_its_way = [*self._unconfirmed.values(), *filter(None, (self._in_hand, self._failed))]
        entry = blame(on_its_way, too_big=too_big and not self.others_sent)
        if entry is not None and entry is self._failed:
            self._requeue(entry)

    # --- entries end ---

    def expire(self, now: Moment) -> None:
        """End what has expired and is in memory. What is in hand or unconfirmed is looked at when it waits again."""
        for entry in self._expiries.expired(now):
            if not entry.done and entry is not self._in_hand and entry.number not in self._unconfirmed:
                self._expire(entry)

    def left(self, now: Moment) -> float:
        """Seconds until the next one of those in memory expires; math.inf: none does."""
        return self._expiries.left(now)

    def expired_unread(self, entries: list[Entry], first_end: float) -> None:
        """These of the backlog have expired and are off the disk; the next one expires at `first_end`."""
        self.deadline_moved = True
        if self.closed is None:
            self.backlog.first_end = first_end
            self.backlog.count -= len(entries)
            self.backlog.size -= sum(entry.size for entry in entries)
        for entry in entries:
            entry.marked = entry.done = True
            entry.row = None
            self._ended.append(Ended(entry, Outcome.EXPIRED, _EXPIRED_MARKED))
        self.empty = not len(self)

    def give_up(self, reason: str) -> None:
        """No link will come: what waits is dropped. What is durable stays, should one come."""
        for entry in self._idle():
            if entry.row is not None:
                self._ended.append(Ended(entry, Outcome.KEPT, reason))
            else:
                self._end(entry, Outcome.DROPPED, reason)

    def keep(self, entry: Entry, reason: str) -> None:
        """Report that a durable one, if it waits, stays on disk."""
        if not entry.done:
            self._ended.append(Ended(entry, Outcome.KEPT, reason))

    def close(self, reason: str) -> None:
        """Nothing is sent any more: what is durable stays on disk, the rest is dropped."""
        self.closed, self.deadline_moved = reason, True
        for entry in [*self._unconfirmed.values(), *self._idle()]:
            self._finish_closed(entry)
        self.backlog = Backlog()
        self.empty = not len(self)

    @property
    def untold(self) -> bool:
        """True if `take_ended` has something to say."""
        return bool(self._ended)

    def take_ended(self) -> list[Ended]:
        """What became final since the last call: for each entry once, except for what is KEPT and lives on."""
        ended, self._ended = self._ended, []
        return ended

    def _watch(self, entry: Entry) -> None:
        if entry.expires < math.inf:
            heap = self._expiries.heaps[entry.row is not None and entry.ends is None]
            heapq.heappush(heap, (entry.expires if entry.ends is None else entry.ends, entry.number, entry))
            if heap[0][2] is entry:
                self.deadline_moved = True

    def _idle(self) -> list[Entry]:
        """What waits and may end now: what is in hand is heard of later."""
        waiting = chain(self._again.values(), self._waiting.values(), self._suspects.values())
        return [entry for entry in waiting if entry is not self._in_hand]

    def _replaceable(self, key: str | None) -> Entry | None:
        entry = self._by_key.get(key) if key is not None else None
        return entry if entry is not self._in_hand else None

    def _requeue(self, entry: Entry) -> None:
        """What a link did not take whole waits again, if it is to be sent again."""
        if self.closed is not None:
            self._finish_closed(entry)
        elif entry.verdict:
            self._end(entry, Outcome.DROPPED, entry.verdict)
        else:
            if entry.strikes:
                self._remove(entry)
                self._suspects[entry.number] = entry
            self._watch(entry)

    def _finish_closed(self, entry: Entry) -> None:
        self._end(entry, Outcome.DROPPED if entry.row is None else Outcome.KEPT, self.closed or "")

    def _expire(self, entry: Entry) -> None:
        self._end(entry, Outcome.EXPIRED, _EXPIRED_MARKED if entry.marked else "")

    def _remove(self, entry: Entry) -> None:
        for queue in (self._waiting, self._unconfirmed, self._again, self._suspects):
            if queue.pop(entry.number, None) is not None:
                return

    def _end(self, entry: Entry, outcome: Outcome, reason: str = "") -> None:
        self._remove(entry)
        entry.done = True
        entry.content = None
        self._bytes -= entry.size
        if entry.key is not None and self._by_key.get(entry.key) is entry:
            del self._by_key[entry.key]
        self._ended.append(Ended(entry, outcome, reason))
        self._expiries.compact(len(self._waiting))
        self.empty = not len(self)


_EXPIRED_MARKED = "it may have been delivered, and was not confirmed"
