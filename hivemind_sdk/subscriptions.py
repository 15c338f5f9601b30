"""Who wants to hear what: topics, and for each subscription an order of its own off the reader's thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from .executor import Strand, Workers

log = logging.getLogger(__name__)
Callback = Callable[..., Any]
Failed = Callable[[str, BaseException], None]


class Subscription:
    """One callback for one topic. `cancel` any number of times."""

    def __init__(self, owner: Subscriptions, topic: str, callback: Callback, once: bool, strand: Strand | None) -> None:
        self._owner = owner
        self.topic = topic
        self.callback = callback
        self._strand = strand
        self._once = once
        self._spent = False

    def cancel(self) -> None:
        self._owner.remove(self)
        if self._strand is not None:
            self._strand.close()

    def deliver(self, args: tuple[Any, ...]) -> None:
        if self._once:
            if self._spent:
                return
            self._spent = True
            self._owner.remove(self)
        if self._strand is None:
            self._call(args)
        else:
            self._strand.post(lambda: self._call(args))

    def _call(self, args: tuple[Any, ...]) -> None:
        try:
            self.callback(*args)
        except Exception as error:  # one subscriber's fault is no other's
            self._owner.failed(name_of(self.callback), error)


class Subscriptions:
    """Topics and their subscribers. Any thread; delivery for one topic comes from one thread at a time."""

    def __init__(self, workers: Workers, failed: Failed) -> None:
        self._workers = workers
        self.failed = failed
        self._lock = threading.Lock()
        self._topics: dict[str, tuple[Subscription, ...]] = {}

    def add(self, topic: str, callback: Callback, *, once: bool = False, inline: bool = False) -> Subscription:
        """`inline` runs the callback on the delivering thread: for our own waiters, which never block."""
        one = Subscription(self, topic, callback, once, None if inline else Strand(self._workers))
        with self._lock:
            self._topics[topic] = (*self._topics.get(topic, ()), one)
        return one

    def remove(self, subscription: Subscription) -> None:
        with self._lock:
            left = tuple(one for one in self._topics.get(subscription.topic, ()) if one is not subscription)
            if left:
                self._topics[subscription.topic] = left
            else:
                self._topics.pop(subscription.topic, None)

    def of(self, topic: str) -> tuple[Subscription, ...]:
        return self._topics.get(topic, ())

    def publish(self, topic: str, *args: Any) -> None:
        for one in self._topics.get(topic, ()):
            one.deliver(args)

    def clear(self) -> None:
        with self._lock:
            topics, self._topics = self._topics, {}
        for subscribers in topics.values():
            for one in subscribers:
                one.cancel()


def name_of(callback: Callback) -> str:
    """A callback's name for logs: where it was defined, never what it holds."""
    return f"{getattr(callback, '__module__', '?')}.{getattr(callback, '__qualname__', type(callback).__name__)}"
