"""Where messages go out on asyncio: in order, at once or from the outbox, with a receipt for each.

The asyncio twin of threads/sender: engine/sender decides for both. Disk work runs on a shared thread.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import TypeVar

from ..contracts.observations import DeliveryChanged
from ..contracts.status import State, Status
from ..delivery import Outcome, Policy, Queue, Rules
from ..engine.entries import Entry, Moment, Probe
from ..engine.ports import Observers
from ..engine.sender import PAGE, Expire, Read, Remove, Send, SendScheduler, instead, message_of, others_wait, too_slow
from ..errors import HiveMindError, LinkError, LocalProtocolError, NotConnected, StoreFailed
from ..messages import HiveMessage, HiveMessageType
from ..settings import Limits
from ..sockets.within import within
from . import offload
from .callbacks import Tasks, spawn
from .link import NOT_BEGUN, AsyncLink, Store
from .receipts import AsyncReceipt

log = logging.getLogger(__name__)
T = TypeVar("T")


class AsyncSender:
    """One for each satellite. Nothing overtakes what waits for the link. Call everything on the loop's thread.

    `patience`: seconds that `post` waits for its turn.
    """

    # fmt: off
    __slots__ = (
        "_alarm", "_alarm_at", "_core", "_disk", "_going", "_moved", "_observers", "_patience", "_store",
        "_submitted", "_tasks", "_tells", "_turn", "link",
    )
    # fmt: on

    def __init__(
        self, rules: Rules, limits: Limits, patience: float, observers: Observers, store: Store | None = None
    ) -> None:
        self._patience = patience
        self._observers = observers
        self.link: AsyncLink = NOT_BEGUN
        """the present one"""
        self._store = store
        backlog = store.backlog() if store is not None else None
        self._core = SendScheduler(rules, limits, patience, backlog, observers.tally)
        self._tells = observers.wants(DeliveryChanged)
        self._turn = asyncio.Lock()
        self._disk = asyncio.Lock()
        self._submitted: list[list[Entry]] = []
        """entries that wait to be written"""
        self._tasks: Tasks = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf
        self._moved: list[asyncio.Future[None]] = []
        self._going = False

    def set_rules(self, rules: Rules) -> None:
        """For what is posted from now on without a policy."""
        self._core.policy = rules.of

    async def post(self, message: HiveMessage, policy: Policy | None = None) -> AsyncReceipt:
        """Send it, or do what the policy says (None: that of the rules).

        Raises NotConnected, LinkClosed, LinkTimeout (phase `send`), OutboxFull, NotEncodable; for durable ones also
        StoreFailed, MalformedMessage, SettingsError.
        """
        core = self._core
        if core.closed is not None:
            core.check_open()
        if policy is None:
            policy = core.policy(message)
        if type(policy) is Queue and policy.durable:
            return (await self._post_durable([message], policy.ttl))[0]
        try:
            if core.outbox.empty and not self._turn.locked():
                self.link.send(message)
                core.outbox.others_sent = True
                await self.link.drain()
            else:
                await self._send(message)
        except LinkError as error:
            return self._instead(message, policy, error)
        return AsyncReceipt(message, Outcome.SENT)

    async def post_many(self, messages: Sequence[HiveMessage], policy: Policy | None = None) -> list[AsyncReceipt]:
        """As `post` for each, in order; durable ones that follow each other are stored in one transaction."""
        receipts: list[AsyncReceipt] = []
        chosen = [(message, policy or self._core.policy(message)) for message in messages]
        for one, run in groupby(chosen, key=lambda pair: pair[1]):
            same = [message for message, _ in run]
            if type(one) is Queue and one.durable:
                receipts += await self._post_durable(same, one.ttl)
            else:
                receipts += [await self.post(message, one) for message in same]
        return receipts

    async def flush(self, timeout: float) -> bool:
        """Wait until all that was posted before was sent, or has ended otherwise. Returns False after `timeout` s."""
        outbox = self._core.outbox
        last = outbox.last
        return await self._wait(lambda: not outbox.waits_up_to(last), timeout)

    async def drain(self, timeout: float) -> bool:
        """Take nothing more, and wait until nothing waits to be sent or confirmed. Returns False after `timeout` s."""
        self._core.drain()
        return await self._wait(lambda: self._core.outbox.empty, timeout)

    async def close(self, reason: str) -> None:
        """Take nothing more; end what waits. What is durable stays on disk. Any number of times."""
        self._core.close(reason)
        self._tell()
        self._set_alarm(math.inf)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))
        async with self._disk:
            store, self._store = self._store, None
            if store is not None:
                action = self._core.next(_now(), ready=False)
                await offload.run(partial(_close, store, action.rows if isinstance(action, Remove) else []))

    def state_changed(self, before: Status, after: Status) -> None:
        """The link is in another state."""
        self._core.state_changed(before, after)
        self._tell()
        if after.state is State.READY and not self._core.outbox.empty:
            self._go_later()

    @property
    def waiting(self) -> bool:
        """Whether something waits for a link."""
        return not self._core.outbox.empty and self._core.outbox.waiting

    # --- posting ---

    async def _send(self, message: HiveMessage) -> None:
        """Send what waits, then the message. Raises LinkError if the message was not sent."""
        outbox = self._core.outbox
        try:
            await within(self._turn.acquire(), self._patience, lambda _: self._turn.release())
        except asyncio.TimeoutError:
            raise too_slow(self._patience) from None
        try:
            if outbox.waiting:
                if not self.link.ready:  # if it comes now, what waits is first all the same
                    raise others_wait()
                await self._work()
            self.link.send(message)
            outbox.others_sent = True
        finally:
            self._turn.release()
            if self._core.pending:
                self._go_later()
        await self.link.drain()

    def _instead(self, message: HiveMessage, policy: Policy, error: LinkError) -> AsyncReceipt:
        """It can't be sent now."""
        entry = instead(message, policy, error, _now())
        outcome = Outcome.DROPPED if entry is None else Outcome.QUEUED
        receipt = AsyncReceipt(message, outcome, str(error))
        if entry is not None:
            entry.receipt = receipt
            self._core.wait(entry, error)
            self._tell()
        else:
            self._core.count(outcome)
        self._observe(message.msg_type, outcome, str(error))
        if entry is not None and self.link.ready:
            self._go_later()
        return receipt

    async def _post_durable(self, messages: Sequence[HiveMessage], ttl: float) -> list[AsyncReceipt]:
        moment, ready = _now(), self.link.ready
        made = [self._core.durable(message, ttl, moment) for message in messages]
        reason = "" if ready else "the link is not READY"
        receipts = [AsyncReceipt(marked, Outcome.QUEUED, reason) for marked, _ in made]
        entries = [entry for _, entry in made]
        for entry, receipt in zip(entries, receipts, strict=True):
            entry.receipt = weakref.ref(receipt)
        self._core.outbox.reserve(entries)
        self._submitted.append(entries)
        # a task of its own: whoever is cancelled must not leave the others without an answer
        await asyncio.shield(spawn(self._tasks, self._commit(entries)))
        for entry in entries:
            if entry.failure is not None:
                raise type(entry.failure)(str(entry.failure), hint=entry.failure.hint)
        if self.link.ready:
            self._go_later()
        self._tell()
        for receipt in receipts:
            if receipt.state is Outcome.QUEUED:
                self._core.count(Outcome.QUEUED)
                self._observe(receipt.message.msg_type, Outcome.QUEUED, receipt.reason)
        return receipts

    async def _commit(self, entries: list[Entry]) -> None:
        """Returns when these are on disk, or have failed. The first at the disk writes for all that wait."""
        async with self._disk:
            if entries[-1].stored or entries[-1].failure is not None:
                return
            batch = [entry for submitted in self._submitted for entry in submitted]
            self._submitted.clear()
            try:
                await offload.run(partial(self._opened().commit, batch))
            except HiveMindError as error:
                for entry in batch:
                    entry.failure = entry.failure or error
                self._core.outbox.release(batch)
            else:
                self._core.stored(batch, ready=self.link.ready)

    # --- sending what waits ---

    def _go_later(self) -> None:
        if not self._going:
            self._going = True
            spawn(self._tasks, self._go())

    async def _go(self) -> None:
        self._going = False
        async with self._turn:
            try:
                await self._work()
            except LinkError as error:
                log.debug("what waits goes on waiting: %s", error)
                return
        if self._core.pending and self.link.ready:
            self._go_later()

    async def _work(self) -> None:
        """With the turn held: do all that is to be done now. Raises LinkError where it had to stop."""
        while True:
            action = self._core.next(_now(), ready=self.link.ready)
            self._tell()
            if action is None:
                return
            if isinstance(action, Send):
                await self._do_send(action)
            elif isinstance(action, Probe):
                self.link.probe(partial(self._arrived, action))
            else:
                await self._do_disk(action)

    async def _do_send(self, action: Send) -> None:
        entry, core = action.entry, self._core
        probes = self.link.probes
        try:
            text = None
            if entry.content is None and entry.row is not None:
                text = await offload.run(partial(self._opened().text, entry.row))
            self.link.send(message_of(entry, text))
        except LocalProtocolError as error:
            core.rejected(entry, str(error))
        except StoreFailed as error:
            log.warning("durable messages: %s", error)
            core.disk_failed(action, _now())
        except BaseException:
            core.failed(entry)
            self._tell()
            raise
        else:
            core.sent(entry, confirmable=probes)
            receipt = _receipt_of(entry)
            if entry.row is not None and receipt is not None and not receipt.final:
                receipt.state = Outcome.UNCONFIRMED
            await self.link.drain()

    def _arrived(self, probe: Probe) -> None:
        self._core.answered(probe)
        self._core.settle_answers()
        self._tell()
        if self._core.pending:
            self._go_later()

    async def _do_disk(self, action: Remove | Read | Expire) -> None:
        try:
            store = self._opened()
            if isinstance(action, Remove):
                await self._at_disk(store, partial(store.remove, action.rows))
            elif isinstance(action, Read):
                read = partial(store.read, action.after, action.last, PAGE)
                self._core.loaded(await self._at_disk(store, read))
            else:
                expire = partial(store.expire, action.after, action.last, action.wall, PAGE)
                self._core.expired(*await self._at_disk(store, expire))
        except HiveMindError as error:
            log.warning("durable messages: %s", error)
            self._core.disk_failed(action, _now())

    async def _at_disk(self, store: Store, work: Callable[[], T]) -> T:
        def exclusively() -> T:
            with store.using():
                return work()

        async with self._disk:
            return await offload.run(exclusively)

    def _opened(self) -> Store:
        if self._store is None:
            raise NotConnected("nothing more is sent: the satellite was closed", hint="make a new satellite")
        return self._store

    # --- what has ended, and time ---

    def _tell(self) -> None:
        """Whoever holds a receipt, waiters and observers hear what has ended."""
        moment = _now()
        ended = self._core.ended(moment)
        for entry, outcome, reason in ended:
            receipt = _receipt_of(entry)
            if receipt is not None:
                receipt.finish(outcome, reason)
        self._set_alarm(self._core.next_deadline(moment))
        moved, self._moved = self._moved, []
        for waiter in moved:
            if not waiter.done():
                waiter.set_result(None)
        for entry, outcome, reason in ended:
            self._observe(entry.kind, outcome, reason)

    def _observe(self, kind: HiveMessageType, outcome: Outcome, reason: str) -> None:
        if outcome is Outcome.QUEUED:
            self.link.wake("a message waits to be sent")
        if self._tells:
            self._observers.tell(DeliveryChanged(kind, outcome, reason))

    def _set_alarm(self, at: float) -> None:
        if at == self._alarm_at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = None, at
        if not math.isinf(at):
            delay = min(max(0.0, at - time.monotonic()), 86400.0)
            self._alarm = asyncio.get_running_loop().call_later(delay, self._timed_out)

    def _timed_out(self) -> None:
        self._alarm, self._alarm_at = None, math.inf
        self._core.timed_out(_now())
        self._tell()
        self._go_later()

    async def _wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        outbox, loop = self._core.outbox, asyncio.get_running_loop()
        deadline = loop.time() + timeout
        self._core.hurry()
        if not outbox.empty:
            self._go_later()
        while outbox.untold or not condition():
            left = deadline - loop.time()
            if left <= 0:
                return False
            waiter = loop.create_future()
            self._moved.append(waiter)
            await asyncio.wait([waiter], timeout=left)
        return True


def _close(store: Store, rows: Sequence[int]) -> None:
    if rows:
        try:
            store.remove(rows)
        except StoreFailed as error:  # they will be sent again, and say so
            log.warning("durable messages: %s", error)
    store.close()


def _now() -> Moment:
    return Moment(time.monotonic(), time.time())


def _receipt_of(entry: Entry) -> AsyncReceipt | None:
    """Of a durable entry as long as somebody holds it."""
    receipt = entry.receipt
    found: AsyncReceipt | None = receipt() if type(receipt) is weakref.ref else receipt
    return found
