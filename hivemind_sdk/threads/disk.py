"""What a sender has on disk: one transaction for all callers that wait, and the work that its core asks for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..engine.entries import Entry
from ..engine.sender import PAGE, Expire, Read, Remove, SendScheduler
from ..errors import HiveMindError, NotConnected, StoreFailed
from .timers import now

if TYPE_CHECKING:
    from .store import MessageStore

log = logging.getLogger(__name__)


class Disk:
    """The store of one sender. `lock` guards the core; it is not held while the disk works."""

    def __init__(self, core: SendScheduler, lock: threading.Lock, store: MessageStore | None) -> None:
        self._core = core
        self._lock = lock
        self._store = store
        self._busy = threading.Lock()
        """held by who uses the store"""
        self._waiting: list[tuple[Entry, threading.Lock]] = []

    def add(self, entry: Entry, *, ready: bool) -> None:
        """Returns when this entry, which was submitted, is on disk. Raises StoreFailed, NotConnected after `close`.

        One thread writes for all that wait. When it is done, it wakes them, and one of those that came meanwhile, which
        writes next.
        """
        while not entry.stored and entry.failure is None:
            if self._busy.acquire(blocking=False):
                try:
                    self._write(ready=ready)
                finally:
                    self._busy.release()
                    self._wake()
            else:
                self._wait(entry)
        if entry.failure is not None:
            raise type(entry.failure)(str(entry.failure), hint=entry.failure.hint)

    def _write(self, *, ready: bool) -> None:
        with self._lock:
            add = self._core.add()
        try:
            self._opened().add(add.entries)
        except HiveMindError as error:
            with self._lock:
                self._core.not_added(add, error)
        else:
            with self._lock:
                self._core.added(add, ready=ready)

    def _wait(self, entry: Entry) -> None:
        """Until it is written, or this thread is to write."""
        turn = threading.Lock()
        turn.acquire()
        one = entry, turn
        with self._lock:
            self._waiting.append(one)
        if self._busy.locked():
            turn.acquire()
        else:  # whoever was there has gone, perhaps without seeing this thread
            with self._lock, suppress(ValueError):
                self._waiting.remove(one)

    def _wake(self) -> None:
        with self._lock:
            done: list[tuple[Entry, threading.Lock]] = []
            left: list[tuple[Entry, threading.Lock]] = []
            for one in self._waiting:
                (left if not one[0].stored and one[0].failure is None else done).append(one)
            self._waiting = left[1:]
        for _, turn in done + left[:1]:
            turn.release()

    def add_alone(self, entry: Entry) -> None:
        """The same for an entry that was not submitted, without waiting for anybody."""
        self._opened().add([entry])

    def text(self, row: int) -> str:
        """Raises StoreFailed, MalformedMessage."""
        return self._opened().text(row)

    def do(self, action: Remove | Read | Expire) -> None:
        """What the core wants. A failure is logged, and the core told."""
        try:
            with self._busy:
                report = _DO[type(action)](self._opened(), action)
            self._wake()
        except HiveMindError as error:
            self._wake()
            log.warning("durable messages: %s", error)
            with self._lock:
                self._core.disk_failed(action, now())
        else:
            with self._lock:
                report(self._core)

    def close(self, timeout: float) -> None:
        """Remove what is done with, and close. Safe to call again."""
        mine = self._busy.acquire(timeout=timeout)
        try:
            store, self._store = self._store, None
            if store is None:
                return
            with self._lock:
                action = self._core.next(now(), ready=False) if mine else None
            if isinstance(action, Remove):
                try:
                    store.remove(action.rows)
                except StoreFailed as error:  # they will be sent again, and say so
                    log.warning("durable messages: %s", error)
            store.close()
        finally:
            if mine:
                self._busy.release()

    def _opened(self) -> MessageStore:
        store = self._store
        if store is None:
            raise NotConnected("nothing more is sent: the satellite was closed", hint="make a new satellite")
        return store


_Report = Callable[[SendScheduler], None]


def _remove(store: MessageStore, action: Remove) -> _Report:
    store.remove(action.rows)
    return lambda _core: None


def _read(store: MessageStore, action: Read) -> _Report:
    entries = store.read(action.after, action.last, PAGE)
    return lambda core: core.loaded(entries)


def _expire(store: MessageStore, action: Expire) -> _Report:
    entries, first_end = store.expire(action.after, action.last, action.wall, PAGE)
    return lambda core: core.expired(entries, first_end)


_DO: Mapping[type, Callable[[MessageStore, Any], _Report]] = {Remove: _remove, Read: _read, Expire: _expire}
