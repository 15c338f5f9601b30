"""Where messages go out: in order, at once or from the outbox, with a receipt for each.

The threads, locks, clocks and timers of engine/sender.py, which decides.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeGuard

from ..contracts.observations import DeliveryChanged, Observation
from ..contracts.status import State, Status
from ..delivery import Outcome, Policy, Queue, Rules
from ..engine.entries import Entry, Probe
from ..engine.sender import Expire, Read, Remove, Send, SendScheduler, instead, message_of
from ..errors import HiveMindError, LinkError, LinkTimeout, LocalProtocolError, NotConnected, OutboxFull, StoreFailed
from ..messages import HiveMessage
from ..settings import Limits
from .disk import Disk
from .receipts import Receipt, Waiters
from .reentry import Reentry
from .timers import Alarm, now

if TYPE_CHECKING:
    from .store import MessageStore

log = logging.getLogger(__name__)
_Fresh = Mapping[int, HiveMessage]
"""number -> a message that was just stored. The thread that emits it sends it as it is: its caller can't change it"""
_PAUSE = 0.1
"""seconds between looks at what is to be done while the thread that has the turn is held up by the network"""
_NESTED = "it was emitted while this thread was sending another one"


@dataclass(frozen=True, slots=True)
class Link:
    """What a sender sends through."""

    send: Callable[[HiveMessage], None]
    """raises a LinkError where the message was not sent"""
    ready: Callable[[], bool]
    probes: Callable[[], bool]
    """whether this link can say what has arrived"""
    probe: Callable[[Callable[[], object]], None]
    """call this when all that was sent has arrived"""
    later: Callable[[Callable[[], None]], object]
    """run this soon, on a thread that may block, one after the other"""
    observe: Callable[[Observation], None]


class Sender:
    """One for each satellite. Any thread may `post`; nothing overtakes what waits for the link.

    What waits until durable messages before it are confirmed may be overtaken by what is sent at once or not at all.
    `patience`: seconds that `post` waits for its turn. `store`: where durable messages are kept, and may be already.

    A thread is in here once (see Reentry): a call from within, by an observer, signal handler or `__del__`, is put off.
    So no thread waits for a lock that it holds itself.
    """

    def __init__(
        self, rules: Rules, limits: Limits, patience: float, line: Link, store: MessageStore | None = None
    ) -> None:
        self._patience = patience
        self._link = line
        self._most_put_off = limits.outbox_messages
        self._core = SendScheduler(rules, limits, patience, store.backlog() if store is not None else None)
        self._reentry = Reentry()
        self._turn = threading.Lock()
        """held by who sends"""
        self._lock = threading.Lock()
        """guards the core, and is held for computing only"""
        self._disk = Disk(self._core, self._lock, store)
        self._alarm = Alarm(lambda: self._link.later(self._alarmed))
        self._moved = Waiters()
        self._going = False
        if store is not None:
            self._tell()

    # --- for everyone ---

    def post(self, message: HiveMessage, policy: Policy | None = None) -> Receipt:
        """Send it, or do what the policy says (None: that of the rules).

        Raises NotConnected, LinkClosed, LinkTimeout (phase `send`), OutboxFull, NotEncodable; for durable ones also
        StoreFailed, MalformedMessage, SettingsError.
        """
        me, reentry = threading.get_ident(), self._reentry
        if me in reentry.inside:
            return self._post_later(message, policy)
        try:  # as Reentry.run does; each message comes by here
            reentry.inside.add(me)
            return self._post(message, policy)
        finally:
            reentry.inside.discard(me)
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
            if _is_durable(one) and threading.get_ident() not in self._reentry.inside:
                self._reentry.run(lambda: receipts.extend(self._post_durable(same, one.ttl)))  # noqa: B023 - called at once
            else:
                receipts += [self.post(message, one) for message in same]
        return receipts

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
        if not _is_durable(policy):
            receipt = Receipt(message, Outcome.QUEUED, _NESTED)
            self._reentry.put_off.append(partial(self._post_for, receipt, policy))
            return receipt
        marked, entry = core.durable(message, policy.ttl, now())
        self._disk.add_alone(entry)
        receipt = Receipt(marked, Outcome.QUEUED, _NESTED, self._hurry)
        entry.receipt = weakref.ref(receipt)
        self._reentry.put_off.append(partial(self._adopt, entry))
        return receipt

    def _post_for(self, receipt: Receipt, policy: Policy) -> None:
        """Post what was put off; its caller has the receipt."""
        try:
            done = self._post(receipt.message, policy, receipt)
        except HiveMindError as error:
            receipt.finish(Outcome.DROPPED, str(error))
            self._link.observe(DeliveryChanged(receipt.message.msg_type, Outcome.DROPPED, str(error)))
        else:
            if done is not receipt:
                receipt.finish(done.state, done.reason)

    def _adopt(self, entry: Entry) -> None:
        with self._lock:
            self._core.adopt(entry, ready=self._link.ready())
        self._send_waiting({})

    # --- posting ---

    def _post(self, message: HiveMessage, policy: Policy | None, receipt: Receipt | None = None) -> Receipt:
        core = self._core
        if core.closed is not None:
            core.check_open()
        if policy is None:
            policy = core.policy(message)
        if _is_durable(policy):
            return self._post_durable([message], policy.ttl)[0]
        try:
            self._send(message)
        except LinkError as error:
            return self._instead(message, policy, error, receipt)
        return Receipt(message, Outcome.SENT)

    def _send(self, message: HiveMessage) -> None:
        """Send what waits, then the message. Raises LinkError where the message was not sent."""
        if not self._turn.acquire(timeout=self._patience):
            raise LinkTimeout(
                f"the network is too slow: what is sent before takes more than {self._patience:g} s",
                phase="send",
                hint="send less, or choose with `delivery` what becomes of messages then",
            )
        outbox, stopped = self._core.outbox, True
        try:
            if not outbox.empty and outbox.waiting:
                if not self._link.ready():  # should it come now, what waits is the first all the same
                    raise NotConnected(
                        "not connected, and others wait for the link already", hint="call connect(), or wait for READY"
                    )
                self._work({})
                self._tell()
            stopped = False
            self._link.send(message)
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
        else:
            entry.receipt = receipt
            with self._lock:
                self._core.wait(entry, error)
            self._tell()
        self._link.observe(DeliveryChanged(message.msg_type, outcome, str(error)))
        if entry is not None and self._link.ready():  # it has come meanwhile
            self._go_later()
        return receipt

    def _post_durable(self, messages: Sequence[HiveMessage], ttl: float) -> list[Receipt]:
        moment, ready = now(), self._link.ready()
        made = [self._core.durable(message, ttl, moment) for message in messages]
        reason = "" if ready else "the link is not READY"
        receipts = [Receipt(marked, Outcome.QUEUED, reason, self._hurry) for marked, _ in made]
        entries = [entry for _, entry in made]
        for entry, receipt in zip(entries, receipts, strict=True):
            entry.receipt = weakref.ref(receipt)
        with self._lock:
            self._core.submit(entries)
        self._disk.add(entries[-1], ready=ready)
        if ready:
            self._send_waiting({entry.number: marked for marked, entry in made})
        else:
            self._tell()
        for receipt in receipts:
            if receipt.state is Outcome.QUEUED:
                self._link.observe(DeliveryChanged(receipt.message.msg_type, Outcome.QUEUED, receipt.reason))
        return receipts

    # --- sending what waits ---

    def _send_waiting(self, fresh: _Fresh) -> None:
        """Do what is to be done now, if nobody is at it."""
        if self._turn.acquire(blocking=False):
            try:
                self._work(fresh)
            except LinkError as error:
                log.debug("what waits goes on waiting: %s", error)
                return
            finally:
                self._turn.release()
                self._tell()
            if self._core.pending and self._link.ready():  # what came meanwhile
                self._go_later()
        else:
            self._tell(pause=_PAUSE)

    def _hurry(self) -> None:
        """Somebody waits for a receipt."""
        if self._core.hurry() and self._link.ready():
            self._reentry.run(partial(self._send_waiting, {}))

    def _go_later(self) -> None:
        if not self._going:
            self._going = True
            self._link.later(self._go)

    def _go(self) -> None:
        self._going = False
        self._reentry.run(partial(self._send_waiting, {}))

    def _work(self, fresh: _Fresh) -> None:
        """With the turn held: do all that is to be done now. Raises LinkError where it had to stop."""
        while True:
            with self._lock:
                action = self._core.next(now(), ready=self._link.ready())
            if self._core.outbox.untold:
                self._tell()
            if action is None:
                return
            _DO[type(action)](self, action, fresh)

    def _do_send(self, action: Send, fresh: _Fresh) -> None:
        entry, core = action.entry, self._core
        probes = self._link.probes()
        try:
            self._link.send(self._message(entry, fresh))
        except LocalProtocolError as error:
            with self._lock:
                core.rejected(entry, str(error))
        except StoreFailed as error:
            log.warning("durable messages: %s", error)
            with self._lock:
                core.disk_failed(action, now())
        except BaseException:
            with self._lock:
                core.failed(entry)
            self._tell()
            raise
        else:
            with self._lock:
                core.sent(entry, confirmable=probes)
                receipt = _receipt_of(entry)
                if entry.row is not None and receipt is not None and not receipt.final:
                    receipt.state = Outcome.UNCONFIRMED

    def _message(self, entry: Entry, fresh: _Fresh) -> HiveMessage:
        if not entry.marked and entry.number in fresh:
            return fresh[entry.number]
        return message_of(entry, self._disk.text(entry.row) if entry.content is None and entry.row else None)

    def _do_probe(self, probe: Probe, _fresh: _Fresh) -> None:
        self._link.probe(partial(self._arrived, probe))

    def _arrived(self, probe: Probe) -> None:
        """On the link's thread, or in `probe`; does not block."""
        self._core.answered(probe)
        if threading.get_ident() not in self._reentry.inside:
            self._reentry.run(self._settle_answers)

    def _settle_answers(self) -> None:
        with self._lock:
            self._core.settle_answers()
        self._tell()
        if self._core.pending:
            self._go_later()

    def _do_disk(self, action: Remove | Read | Expire, _fresh: _Fresh) -> None:
        self._disk.do(action)

    # --- the link, and the end ---

    def _state_changed(self, before: Status, after: Status) -> None:
        with self._lock:
            self._core.state_changed(before, after)
        self._tell()
        if after.state is State.READY and not self._core.outbox.empty:
            self._go_later()  # otherwise there would be a thread for each client, for nothing

    def _close(self, reason: str, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        with self._lock:
            self._core.close(reason)
        self._tell()
        taken = self._turn.acquire(timeout=timeout)  # what is being sent is heard of before the store closes
        try:
            self._disk.close(max(0.0, deadline - time.monotonic()))
            with self._lock:
                self._alarm.cancel()
        finally:
            if taken:
                self._turn.release()

    # --- what has ended, and time ---

    def _tell(self, pause: float = 0.0) -> None:
        """Whoever holds a receipt, waiters and observers hear what has ended; the next alarm comes after `pause`."""
        moment = now()
        with self._lock:
            ended = self._core.ended(moment)
            for entry, outcome, reason in ended:
                receipt = _receipt_of(entry)
                if receipt is not None:
                    receipt.finish(outcome, reason)
            self._alarm.set(max(self._core.next_deadline(moment), moment.monotonic + pause))
        self._moved.wake()
        for entry, outcome, reason in ended:
            self._link.observe(DeliveryChanged(entry.kind, outcome, reason))

    def _alarmed(self) -> None:
        self._reentry.run(self._timed_out)

    def _timed_out(self) -> None:
        with self._lock:
            self._alarm.cancel()
            self._core.timed_out(now())
        self._send_waiting({})

    def _wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        outbox = self._core.outbox
        if threading.get_ident() in self._reentry.inside:
            return condition()
        if not outbox.empty:
            self._go_later()
        # no sooner than the receipts say so
        return self._moved.wait_for(lambda: not outbox.untold and condition(), timeout)


_DO: Mapping[type, Callable[[Sender, Any, _Fresh], None]] = {
    Send: Sender._do_send,
    Probe: Sender._do_probe,
    Remove: Sender._do_disk,
    Read: Sender._do_disk,
    Expire: Sender._do_disk,
}


def _is_durable(policy: Policy) -> TypeGuard[Queue]:
    return type(policy) is Queue and policy.durable


def _receipt_of(entry: Entry) -> Receipt | None:
    """Of a durable entry as long as somebody holds it: there may be very many."""
    receipt = entry.receipt
    found: Receipt | None = receipt() if type(receipt) is weakref.ref else receipt
    return found
