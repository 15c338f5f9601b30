"""What the core of a sender wants from the disk, but for new messages: rows removed, read and expired."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..engine.sender import PAGE, Expire, Read, Remove, SendScheduler
from ..errors import StoreFailed
from .timers import now

if TYPE_CHECKING:
    from .store import MessageStore

log = logging.getLogger(__name__)
_Report = Callable[[SendScheduler], None]


def perform(store: MessageStore, action: Remove | Read | Expire, core: SendScheduler, lock: threading.Lock) -> None:
    """Do it, and tell the core, which `lock` guards. A failure is logged: the core tries again later."""
    try:
        with store.using():
            report = _DO[type(action)](store, action)
    except StoreFailed as error:
        log.warning("durable messages: %s", error)
        with lock:
            core.disk_failed(action, now())
    else:
        with lock:
            report(core)


def finish(store: MessageStore, core: SendScheduler, lock: threading.Lock, deadline: float) -> None:
    """Remove what is done with, and close the store, at `deadline` (seconds of `now`) at the latest."""
    with lock:
        action = core.next(now(), ready=False)
    if isinstance(action, Remove):
        perform(store, action, core, lock)
    store.close(max(0.0, deadline - now().monotonic))


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
