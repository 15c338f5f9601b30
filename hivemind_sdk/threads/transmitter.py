"""Does what engine/sender.py decides: sends what waits, asks for confirmations, tells what ended, sets the alarm."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..contracts.observations import DeliveryChanged
from ..delivery import Outcome
from ..engine.entries import Entry, Probe
from ..engine.ports import Observers
from ..engine.sender import Expire, Read, Remove, Send, SendScheduler, message_of
from ..errors import LinkError, LocalProtocolError, NotConnected, StoreFailed
from ..messages import HiveMessage
from .disk import perform
from .link import Link
from .receipts import Waiters, receipt_of
from .reentry import Reentry
from .timers import Alarm, now

if TYPE_CHECKING:
    from .store import MessageStore

log = logging.getLogger(__name__)
_PAUSE = 0.1
"""seconds between looks at what is to be done while the thread that has the turn is held up by the network"""


class Transmitter:
    """What Sender stands on. `turn` is held by who sends, `lock` guards the core, and is held for computing only."""

    def __init__(
        self,
        core: SendScheduler,
        later: Callable[[Callable[[], None]], object],
        observers: Observers,
        store: MessageStore | None,
    ) -> None:
        """`later` runs a call soon, on a thread that may block, one after the other."""
        self._core = core
        self._link: Link | None = None
        self._later = later
        self._observers = observers
        self._tells = observers.wants(DeliveryChanged)
        self._store = store
        self._reset()
        self._alarm = Alarm(lambda: later(partial(self._reentry.run, self._timed_out)))
        self._moved = Waiters()
        self._going = False

    def _reset(self) -> None:
        """The locks, which nobody holds: also in the child of a fork, where the threads that held them are gone."""
        self._reentry = Reentry()
        self._turn = threading.Lock()
        self._lock = threading.Lock()

    @property
    def _ready(self) -> bool:
        link = self._link
        return link is not None and link.ready

    def _linked(self) -> Link:
        link = self._link
        if link is None:
            raise NotConnected("not connected: connect() was not called", hint="call connect() first")
        return link

    def _send_waiting(self) -> None:
        """Do what is to be done now, if nobody is at it."""
        if self._turn.acquire(blocking=False):
            try:
                self._work()
            except LinkError as error:
                log.debug("what waits goes on waiting: %s", error)
                return
            finally:
                self._turn.release()
                self._tell()
            if self._core.pending and self._ready:  # what came meanwhile
                self._go_later()
        else:
            self._tell(pause=_PAUSE)

    def _hurry(self) -> None:
        """Somebody waits for a receipt."""
        if self._core.hurry() and self._ready:
            self._reentry.run(self._send_waiting)

    def _go_later(self) -> None:
        if not self._going:
            self._going = True
            self._later(self._go)

    def _go(self) -> None:
        self._going = False
        self._reentry.run(self._send_waiting)

    def _work(self) -> None:
        """With the turn held: do all that is to be done; the caller tells then. Raises LinkError if it had to stop."""
        while True:
            with self._lock:
                action = self._core.next(now(), ready=self._ready)
            if action is None:
                return
            if self._core.outbox.untold:
                self._tell()
            _DO[type(action)](self, action)

    def _do_send(self, action: Send) -> None:
        entry, core, link = action.entry, self._core, self._linked()
        probes = link.probes
        try:
            link.send(self._message(entry))
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
                receipt = receipt_of(entry)
                if entry.row is not None and receipt is not None and not receipt.final:
                    receipt.state = Outcome.UNCONFIRMED

    def _message(self, entry: Entry) -> HiveMessage:
        return message_of(entry, self._opened().text(entry.row) if entry.content is None and entry.row else None)

    def _do_probe(self, probe: Probe) -> None:
        self._linked().probe(partial(self._arrived, probe))

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

    def _opened(self) -> MessageStore:
        store = self._store
        if store is None:
            raise NotConnected("nothing more is sent: the satellite was closed", hint="make a new satellite")
        return store

    # --- what has ended, and time ---

    def _tell(self, pause: float = 0.0) -> None:
        """Whoever holds a receipt, waiters and observers hear what has ended; the next alarm comes after `pause`."""
        outbox = self._core.outbox
        if not pause and not outbox.untold and not outbox.deadline_moved:
            self._moved.wake()  # something may have been sent
            return
        moment = now()
        with self._lock:
            ended = self._core.ended(moment)
            for entry, outcome, reason in ended:
                receipt = receipt_of(entry)
                if receipt is not None:
                    receipt.finish(outcome, reason)
            self._alarm.set(max(self._core.next_deadline(moment), moment.monotonic + pause))
            outbox.deadline_moved = False
        self._moved.wake()
        if self._tells:
            for entry, outcome, reason in ended:
                self._observers.tell(DeliveryChanged(entry.kind, outcome, reason))

    def _timed_out(self) -> None:
        with self._lock:
            self._alarm.cancel()
            self._core.timed_out(now())
        self._send_waiting()


def _on_disk(self: Transmitter, action: Remove | Read | Expire) -> None:
    perform(self._opened(), action, self._core, self._lock)


_DO: Mapping[type, Callable[[Transmitter, Any], None]] = {
    Send: Transmitter._do_send,
    Probe: Transmitter._do_probe,
    Remove: _on_disk,
    Read: _on_disk,
    Expire: _on_disk,
}
