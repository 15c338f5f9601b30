"""Where messages go out: in order, at once or from the outbox, with a receipt for each. Threads and clocks of it."""

from __future__ import annotations

import logging
import math
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..contracts.observations import DeliveryChanged, Observation
from ..contracts.status import State, Status
from ..delivery import Drop, Latest, Outcome, Policy, Queue, Raise, Rules
from ..engine.outbox import Entry, Moment, Outbox, Probe
from ..engine.redelivery import stamp
from ..errors import (
    LinkError,
    LinkTimeout,
    LocalProtocolError,
    MalformedFrame,
    MalformedMessage,
    NotConnected,
    SettingsError,
    StoreFailed,
)
from ..messages import HiveMessage, HiveMessageType
from ..settings import Limits
from . import timers
from .callbacks import about_to_block
from .receipts import Receipt, settle

if TYPE_CHECKING:
    from .store import MessageStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Link:
    """What a mailroom sends through."""

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
    """

    def __init__(
        self, rules: Rules, limits: Limits, patience: float, line: Link, store: MessageStore | None = None
    ) -> None:
        self._rules = rules
        self._patience = patience
        self._line = line
        self._store = store
        self._outbox = Outbox(limits.outbox_messages, limits.outbox_bytes, limits.outbox_unconfirmed)
        self._turn = threading.RLock()
        """held by who sends; an observer of what is sent may send, too"""
        self._lock = threading.Lock()
        """guards all that follows, and is held for no longer than the disk takes"""
        self._moved = threading.Condition(self._lock)
        self._receipts: dict[int, Receipt] = {}
        self._ids: dict[int, str] = {}
        self._number = 0
        self._alarm: timers.Timer | None = None
        self._alarm_at = math.inf
        self._question: timers.Timer | None = None
        self._asked_at = 0.0
        self._going = False
        self._answers: deque[Probe] = deque()
        """confirmations that the reader has seen"""
        self._hopeless: str | None = None
        self._closed: str | None = None
        for stored in store.load() if store is not None else ():
            self._number, self._ids[stored.number] = stored.number, stored.message_id
            size = len(stored.text.encode())
            self._outbox.restore(Entry(stored.number, stored.kind, stored.text, size, stored.expires, None, True, True))
        if self._number:
            with self._lock:
                self._watch(0.0)

    def post(self, message: HiveMessage, policy: Policy | None = None) -> Receipt:
        """Send it, or do what the policy says (None: that of the rules).

        Raises NotConnected, LinkClosed, LinkTimeout (phase `send`), OutboxFull, NotEncodable; for durable ones also
        StoreFailed, MalformedMessage, SettingsError.
        """
        self._check_open()
        if policy is None:
            policy = self._rules.of(message)
        if isinstance(policy, Queue) and policy.durable:
            return self._post_durable(message, policy.ttl)
        try:
            self._in_turn(message, self._patience)
        except LinkError as error:
            return _INSTEAD[type(policy)](self, message, policy, error)
        return Receipt(message, Outcome.SENT)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was posted before was sent, or has ended otherwise. -> whether it has"""
        with self._lock:
            last = self._number
        return self._wait(lambda: (oldest := self._outbox.oldest) is None or oldest > last, timeout)

    def drain(self, timeout: float) -> bool:
        """Take nothing more, and wait until nothing waits to be sent or confirmed. -> whether that is so"""
        self._closed = "it is being drained"
        return self._wait(lambda: not len(self._outbox), timeout)

    def close(self, reason: str, timeout: float = 0.0) -> None:
        """Take nothing more; end what waits. Any number of times. `timeout`: seconds for what is just being sent."""
        self._closed = reason
        with self._lock:
            self._outbox.close(reason)
        self._tell()
        taken = self._turn.acquire(timeout=timeout)  # what is being sent is heard of before the store closes
        try:
            with self._lock:
                store, self._store = self._store, None
                self._silence()
            if store is not None:
                store.close()
        finally:
            if taken:
                self._turn.release()

    def state_changed(self, before: Status, after: Status) -> None:
        """The link is in another state. On the link's thread; does not block."""
        if before.state is State.READY:
            with self._lock:
                self._outbox.lost()
                if len(self._outbox):  # what was not confirmed may end now, and nobody has watched it
                    self._watch(0.0)
        self._hopeless = str(after.cause) if after.state is State.REFUSED else None
        if after.state is State.READY:
            if len(self._outbox):  # otherwise there would be a thread for each client, for nothing
                self._go_later()
        elif self._hopeless is not None:
            with self._lock:
                self._outbox.give_up(self._hopeless)
            self._tell()

    def _check_open(self) -> None:
        if self._closed is not None:
            raise NotConnected(f"nothing more is sent: {self._closed}", hint="make a new satellite")

    # --- sending ---

    def _in_turn(self, message: HiveMessage | None, patience: float) -> None:
        """Send what waits, then the message. Raises LinkError where the message was not sent."""
        if not self._turn.acquire(timeout=patience):
            raise LinkTimeout(
                f"the network is too slow: what is sent before takes more than {patience:g} s",
                phase="send",
                hint="send less, or choose with `delivery` what becomes of messages then",
            )
        stopped = True
        try:
            if self._outbox.waiting:
                self._send_waiting()
            stopped = False
            if message is not None:
                self._line.send(message)
            else:
                self._ask()
        finally:
            self._turn.release()
            if self._outbox.waiting and not stopped:  # of somebody whose patience was over before
                self._go_later()

    def _send_waiting(self) -> None:
        """In order, with the turn held. Raises LinkError where it had to stop."""
        while True:
            if not self._line.ready():  # should it come now, what waits is the first all the same
                raise NotConnected(
                    "not connected, and others wait for the link already", hint="call connect(), or wait for READY"
                )
            with self._lock:
                entry = self._outbox.take(_now())
            self._tell()
            if entry is None:
                break
            probes = self._line.probes()
            try:
                self._line.send(self._message(entry))
            except LocalProtocolError as error:
                with self._lock:
                    self._outbox.rejected(entry, str(error))
            except BaseException:
                with self._lock:
                    self._outbox.returned(entry)
                    self._watch(entry.left(_now()))  # it was passed over while it was being sent
                self._tell()
                raise
            else:
                with self._lock:
                    self._outbox.sent(entry, confirmable=probes)
                    receipt = self._receipts.get(entry.number)
                    if entry.durable and receipt is not None:
                        settle(receipt, Outcome.UNCONFIRMED)
                self._ask()  # while more is sent: what is not confirmed comes twice after a crash
            self._tell()

    def _ask(self) -> None:
        """Note what was confirmed, and have what was sent since confirmed, with the turn held. Raises LinkError."""
        with self._lock:
            while self._answers:
                self._outbox.confirm(self._answers.popleft())
            probe = self._outbox.probe()
            if probe is not None:
                self._asked_at = time.monotonic()
                self._watch_question(self._patience)
        self._tell()
        if probe is not None:
            self._line.probe(lambda: self._arrived(probe))

    def _arrived(self, probe: Probe) -> None:
        """On the link's thread."""
        self._answers.append(probe)
        self._go_later()

    def _go(self) -> None:
        """Send what waits, if the link is there."""
        self._going = False
        try:
            if self._line.ready():
                self._in_turn(None, self._patience)
        except LinkError as error:
            log.debug("what waits goes on waiting: %s", error)

    def _go_later(self) -> None:
        if not self._going:
            self._going = True
            self._line.later(self._go)

    # --- what can't be sent now ---

    def _raise(self, _message: HiveMessage, _policy: Raise, error: LinkError) -> Receipt:
        raise error

    def _drop(self, message: HiveMessage, _policy: Drop, error: LinkError) -> Receipt:
        self._line.observe(DeliveryChanged(message.msg_type, Outcome.DROPPED, str(error)))
        return Receipt(message, Outcome.DROPPED, str(error))

    def _queue(self, message: HiveMessage, policy: Queue, error: LinkError) -> Receipt:
        return self._wait_for_link(message, policy.ttl, None, error)

    def _latest(self, message: HiveMessage, policy: Latest, error: LinkError) -> Receipt:
        return self._wait_for_link(message, policy.ttl, policy.key or _name(message), error)

    def _wait_for_link(self, message: HiveMessage, ttl: float, key: str | None, error: LinkError) -> Receipt:
        content, size = _snapshot(message)
        receipt = Receipt(message, Outcome.QUEUED, str(error))
        with self._lock:
            if self._hopeless is not None:
                raise error
            self._put(Entry(self._number + 1, message.msg_type, content, size, time.monotonic() + ttl, key), receipt)
        self._tell()
        self._line.observe(DeliveryChanged(message.msg_type, Outcome.QUEUED, str(error)))
        if self._line.ready():  # it has come meanwhile
            self._go_later()
        return receipt

    def _post_durable(self, message: HiveMessage, ttl: float) -> Receipt:
        message_id = str(uuid.uuid4())
        marked = stamp(message, message_id)
        text = marked.serialize()
        receipt = Receipt(marked, Outcome.QUEUED, "" if self._line.ready() else "the link is not READY")
        with self._lock:
            self._check_open()
            if self._store is None:
                raise SettingsError(
                    "no file is set for durable messages", hint="pass durable=PATH, see Settings.durable"
                )
            entry = Entry(self._number + 1, message.msg_type, text, len(text.encode()), time.time() + ttl, durable=True)
            self._outbox.check(entry.size)
            self._store.add(entry.number, message_id, message.msg_type.value, entry.expires, text)
            self._ids[entry.number] = message_id
            self._put(entry, receipt)
            if self._hopeless is not None:
                self._outbox.give_up(self._hopeless, entry.number)
            over = self._hopeless is not None or self._closed is not None
        if over:
            self._tell()
        if self._line.ready():
            try:
                self._in_turn(None, 0.0)
            except LinkError:  # it is kept: no need to wait
                self._go_later()
        if receipt.state is Outcome.QUEUED:
            self._line.observe(DeliveryChanged(message.msg_type, Outcome.QUEUED, receipt.reason))
        return receipt

    def _put(self, entry: Entry, receipt: Receipt) -> None:
        self._outbox.put(entry)
        self._number = entry.number
        self._receipts[entry.number] = receipt
        self._watch(entry.left(_now()))

    def _message(self, entry: Entry) -> HiveMessage:
        """Raises MalformedMessage for what the disk did not keep well."""
        try:
            message = entry.content if isinstance(entry.content, HiveMessage) else HiveMessage.from_wire(entry.content)
        except MalformedFrame as error:
            raise MalformedMessage(f"what was kept of it is damaged: {error}") from None
        return stamp(message, self._ids[entry.number], redelivered=True) if entry.marked else message

    # --- what has ended ---

    def _tell(self) -> None:
        """Whoever holds a receipt, and observers, hear what has ended; the store forgets it."""
        with self._lock:
            ended = self._outbox.take_ended()
            told = [(one, self._receipts.pop(one.entry.number, None)) for one in ended]
            gone = [entry.number for entry, outcome, _ in ended if entry.durable and outcome is not Outcome.KEPT]
            if gone:
                self._forget(gone)
            if not len(self._outbox):
                self._silence()
            for (_, outcome, reason), receipt in told:
                if receipt is not None:
                    settle(receipt, outcome, reason)
            self._moved.notify_all()
        for (entry, outcome, reason), _ in told:
            self._line.observe(DeliveryChanged(entry.kind, outcome, reason))

    def _forget(self, numbers: list[int]) -> None:
        for number in numbers:
            self._ids.pop(number, None)
        try:
            if self._store is not None:
                self._store.remove(numbers)
        except StoreFailed as error:  # they will be sent again, and say so
            log.warning("messages that are done with could not be removed from the store: %s", error)

    def _wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        self._go_later()
        about_to_block()
        with self._moved:  # and no sooner than the receipts say so
            return self._moved.wait_for(lambda: not self._outbox.untold and condition(), timeout)

    # --- time, with the lock held ---

    def _watch(self, left: float) -> None:
        """Look after `left` seconds for what has expired, if not before."""
        due = time.monotonic() + left
        if due >= self._alarm_at or math.isinf(due):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = due
        self._alarm = timers.shared.call_later(left, lambda: self._line.later(self._expire))

    def _watch_question(self, left: float) -> None:
        """Look after `left` seconds whether it was answered, if nobody looks already."""
        if self._question is None:
            self._question = timers.shared.call_later(left, lambda: self._line.later(self._ask_again))

    def _silence(self) -> None:
        for timer in (self._alarm, self._question):
            if timer is not None:
                timer.cancel()
        self._alarm, self._alarm_at, self._question = None, math.inf, None

    def _ask_again(self) -> None:
        """A question or its answer may have been mutilated on the way, and the link lives on."""
        with self._lock:
            self._question = None
            if not self._outbox.asked:
                return
            left = self._asked_at + self._patience - time.monotonic()
            if left > 0:
                self._watch_question(left)
                return
            self._outbox.unanswered()
        self._go_later()

    def _expire(self) -> None:
        with self._lock:
            self._alarm, self._alarm_at = None, math.inf
            left = self._outbox.expire(_now())
            if left is not None:
                self._watch(left)
        self._tell()


_INSTEAD: Mapping[type, Callable[[Sender, HiveMessage, Any, LinkError], Receipt]] = {
    Raise: Sender._raise,
    Drop: Sender._drop,
    Queue: Sender._queue,
    Latest: Sender._latest,
}


def _now() -> Moment:
    return Moment(time.monotonic(), time.time())


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
