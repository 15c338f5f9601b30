"""Where messages go out: in order, at once or from the outbox, with a receipt for each.

The threads, locks, clocks and timers of engine/sender.py, which decides.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from ..contracts.observations import DeliveryChanged
from ..contracts.status import State, Status
from ..delivery import Outcome, Policy, Queue, Rules
from ..engine.entries import Entry
from ..engine.ports import Observers
from ..engine.sender import (
    SendScheduler,
    instead,
    others_wait,
    too_slow,
)
from ..errors import HiveMindError, LinkError, OutboxFull
from ..messages import HiveMessage
from ..settings import Limits
from .disk import finish
from .link import Link
from .receipts import DurableReceipt, Receipt
from .timers import now
from .transmitter import Transmitter

if TYPE_CHECKING:
    from .store import MessageStore

log = logging.getLogger(__name__)
_WAITS = "a message waits to be sent"
_NESTED = "it was emitted while this thread was sending another one"


class Sender(Transmitter):
    """One for each satellite. Any thread may `post`; nothing overtakes what waits for the link.

    What waits until durable messages before it are confirmed may be overtaken by what is sent at once or not at all.
    `patience`: seconds that `post` waits for its turn. `store`: where durable messages are kept, and may be already.

    A thread is in here once (see Reentry): a call from within, by an observer, signal handler or `__del__`, is put off.
    So no thread waits for a lock that it holds itself.
    """

    def __init__(
        self,
        rules: Rules,
        limits: Limits,
        patience: float,
        later: Callable[[Callable[[], None]], object],
        observers: Observers,
        store: MessageStore | None = None,
    ) -> None:
        backlog = store.backlog() if store is not None else None
        super().__init__(SendScheduler(rules, limits, patience, backlog, observers.tally), later, observers, store)
        self._patience = patience
        self._most_put_off = limits.outbox_messages
        if store is not None:
            self._tell()

    def use(self, link: Link) -> None:
        """Send through this link from now on."""
        self._link = link

    # --- for everyone ---

    def set_rules(self, rules: Rules) -> None:
        """For what is posted from now on without a policy."""
        self._core.policy = rules.of

    def post(self, message: HiveMessage, policy: Policy | None = None) -> Receipt:
        """Send it, or do what the policy says (None: that of the rules).

        Raises NotConnected, LinkClosed, LinkTimeout (phase `send`), OutboxFull, NotEncodable; for durable ones also
        StoreFailed, MalformedMessage, SettingsError.
        """
        me, reentry = threading.get_ident(), self._reentry
        if me in reentry.inside:
            return self._post_later(message, policy)
        try:  # as Reentry.run does; each message comes by here
            reentry.inside[me] = None
            return self._post(message, policy)
        finally:
            reentry.inside.pop(me, None)
            if reentry.put_off:
                reentry.catch_up(me)

    def post_many(self, messages: Iterable[HiveMessage], policy: Policy | None = None) -> list[Receipt]:
        """As `post` for each, in order; durable ones that follow each other are written to disk in one transaction.

        Raises as `post`. What came before the one (or the durable ones) that failed has been taken.
        """
        receipts: list[Receipt] = []
        chosen = [(message, policy or self._core.policy(message)) for message in messages]
        for one, run in groupby(chosen, key=lambda pair: pair[1]):
            same = [message for message, _ in run]
            if type(one) is Queue and one.durable and threading.get_ident() not in self._reentry.inside:
                self._reentry.run(lambda: receipts.extend(self._post_durable(same, one.ttl)))  # noqa: B023 - called at once
            else:
                receipts += [self.post(message, one) for message in same]
        return receipts

    def abandon(self, reason: str) -> None:
        """Take nothing more and write nothing: in the child of a fork."""
        self._reset()
        self._core.closed = reason

    @property
    def waiting(self) -> bool:
        """True if messages wait for the link. Any thread."""
        outbox = self._core.outbox
        return not outbox.empty and outbox.waiting

    def flush(self, timeout: float) -> bool:
        """Wait until all that was posted before was sent, or has ended otherwise. -> whether it has"""
        outbox = self._core.outbox
        last = outbox.last
        return self._wait(lambda: not outbox.waits_up_to(last), timeout)

    def drain(self, timeout: float) -> bool:
        """Take nothing more, and wait until nothing waits to be sent or confirmed. -> whether that is so"""
        self._core.drain()
        return self._wait(lambda: self._core.outbox.empty, timeout)

    def close(self, reason: str, timeout: float = 0.0) -> None:
        """Take nothing more; end what waits. Any number of times. `timeout`: seconds for what is just being sent."""
        self._reentry.run(partial(self._close, reason, max(0.0, timeout)))

    def state_changed(self, before: Status, after: Status) -> None:
        """The link is in another state. On the link's thread; does not block."""
        self._reentry.run(partial(self._state_changed, before, after))

    # --- a thread that is in here already ---

    def _post_later(self, message: HiveMessage, policy: Policy | None) -> Receipt:
        """This thread is in here already. What is durable is on disk nevertheless when this returns."""
        core = self._core
        core.check_open()
        if len(self._reentry.put_off) >= self._most_put_off:
            raise OutboxFull(
                f"{len(self._reentry.put_off)} messages were emitted while this thread was sending another one"
            )
        if policy is None:
            policy = core.policy(message)
        if not (type(policy) is Queue and policy.durable):
            receipt = Receipt(message, Outcome.QUEUED, _NESTED)
            self._reentry.put_off.append(partial(self._post_for, receipt, policy))
            return receipt
        marked, entry = core.durable(message, policy.ttl, now())
        self._opened().add([entry])
        receipt = _kept(entry, marked, _NESTED, self._hurry)
        self._reentry.put_off.append(partial(self._adopt, entry))
        return receipt

    def _post_for(self, receipt: Receipt, policy: Policy) -> None:
        """Post what was put off; its caller has the receipt."""
        try:
            done = self._post(receipt.message, policy, receipt)
        except HiveMindError as error:
            receipt.finish(Outcome.DROPPED, str(error))
            with self._lock:
                self._core.count(Outcome.DROPPED)
            self._observe(receipt, Outcome.DROPPED)
        else:
            if done is not receipt:
                receipt.finish(done.state, done.reason)

    def _adopt(self, entry: Entry) -> None:
        with self._lock:
            self._core.adopt([entry], ready=self._ready)
        self._send_waiting()

    # --- posting ---

    def _post(self, message: HiveMessage, policy: Policy | None, receipt: Receipt | None = None) -> Receipt:
        core = self._core
        if core.closed is not None:
            core.check_open()
        if policy is None and core.some_durable:
            policy = core.policy(message)
        if type(policy) is Queue and policy.durable:
            return self._post_durable([message], policy.ttl)[0]
        try:
            self._send(message)
        except LinkError as error:
            return self._instead(message, policy or core.policy(message), error, receipt)
        return _sent(message)

    def _send(self, message: HiveMessage) -> None:
        """Send what waits, then the message. Raises LinkError where the message was not sent."""
        link = self._link or self._linked()
        if not self._turn.acquire(timeout=self._patience):
            raise too_slow(self._patience)
        outbox, stopped = self._core.outbox, True
        try:
            if not outbox.empty and outbox.waiting:
                if not link.ready:  # if it becomes ready now, what waits is still sent first
                    raise others_wait()
                self._work()
                self._tell()
            stopped = False
            link.send(message)
            outbox.others_sent = True
        finally:
            self._turn.release()
            if not outbox.empty and not stopped and self._core.pending:  # of somebody whose patience was over before
                self._go_later()

    def _instead(self, message: HiveMessage, policy: Policy, error: LinkError, receipt: Receipt | None) -> Receipt:
        """It can't be sent now."""
        entry = instead(message, policy, error, now())
        outcome = Outcome.DROPPED if entry is None else Outcome.QUEUED
        receipt = receipt or Receipt(message, outcome, str(error))
        if entry is None:
            receipt.finish(outcome, str(error))
            with self._lock:
                self._core.count(outcome)
        else:
            entry.receipt = receipt
            with self._lock:
                self._core.wait(entry, error)
            self._tell()
        if self._tells:
            self._observers.tell(DeliveryChanged(message.msg_type, outcome, str(error)))
        if entry is not None and (link := self._link) is not None:
            if link.ready:  # it has come meanwhile
                self._go_later()
            else:
                link.wake(_WAITS)
        return receipt

    def _post_durable(self, messages: Sequence[HiveMessage], ttl: float) -> list[Receipt]:
        core, moment, link = self._core, now(), self._link
        ready = link is not None and link.ready
        reason = "" if ready else "the link is not READY"
        receipts: list[Receipt] = []
        entries: list[Entry] = []
        for message in messages:
            marked, entry = core.durable(message, ttl, moment)
            receipts.append(_kept(entry, marked, reason, self._hurry))
            entries.append(entry)
        outbox = core.outbox
        with self._lock:
            outbox.reserve(entries)
        try:
            (self._store or self._opened()).commit(entries)
        except HiveMindError:
            with self._lock:
                outbox.release(entries)
            raise
        with self._lock:
            core.stored(entries, ready=ready)
        if ready:
            self._send_waiting()
        elif outbox.untold or outbox.deadline_moved:
            self._tell()
        queued = [receipt for receipt in receipts if receipt.state is Outcome.QUEUED]
        if queued:
            with self._lock:
                for _ in queued:
                    core.count(Outcome.QUEUED)
            if self._tells:
                for one in queued:
                    self._observe(one, Outcome.QUEUED)
            if link is not None and not link.ready:
                link.wake(_WAITS)
        return receipts

    def _observe(self, receipt: Receipt, outcome: Outcome) -> None:
        if self._tells:
            self._observers.tell(DeliveryChanged(receipt.message.msg_type, outcome, receipt.reason))

    # --- the link, and the end ---

    def _state_changed(self, before: Status, after: Status) -> None:
        with self._lock:
            self._core.state_changed(before, after)
        self._tell()
        if after.state is State.READY and not self._core.outbox.empty:
            self._go_later()  # otherwise there would be a thread for each client, for nothing

    def _close(self, reason: str, timeout: float) -> None:
        deadline = now().monotonic + timeout
        with self._lock:
            self._core.close(reason)
        self._tell()
        taken = self._turn.acquire(timeout=timeout)  # what is being sent is heard of before the store closes
        try:
            store, self._store = self._store, None
            with self._lock:
                self._alarm.cancel()
            if store is not None:
                finish(store, self._core, self._lock, deadline)
        finally:
            if taken:
                self._turn.release()

    def _wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        outbox = self._core.outbox
        if threading.get_ident() in self._reentry.inside:
            return condition()
        if not outbox.empty:
            self._go_later()
        # no sooner than the receipts say so
        return self._moved.wait_for(lambda: not outbox.untold and condition(), timeout)


def _sent(message: HiveMessage) -> Receipt:
    """A receipt for what is gone already. Most are; without the call of a constructor it costs half as much."""
    receipt = Receipt.__new__(Receipt)
    receipt.message, receipt.state, receipt.reason = message, Outcome.SENT, ""
    return receipt


def _kept(entry: Entry, message: HiveMessage, reason: str, hurry: Callable[[], object]) -> DurableReceipt:
    """The receipt of a durable message that is to be sent. Its entry knows it for as long as somebody has it."""
    receipt = DurableReceipt.__new__(DurableReceipt)
    receipt.message, receipt.state, receipt.reason, receipt.hurry = message, Outcome.QUEUED, reason, hurry
    entry.receipt = weakref.ref(receipt)
    return receipt
