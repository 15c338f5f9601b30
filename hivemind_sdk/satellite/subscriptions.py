"""Who wants to hear what: topics, and for all of their callbacks one order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..settings import Callbacks
from ..threads.callbacks import CallbackQueue
from ..threads.pool import Workers

log = logging.getLogger(__name__)
Callback = Callable[..., Any]
Failed = Callable[[str, BaseException], None]


@dataclass(frozen=True, slots=True)
class Complaints:
    """Who is told, with its name, of a callback that raised, hangs (for so many seconds), or was not called."""

    failed: Failed
    hung: Callable[[str, float], None]
    dropped: Callable[[str], None]


class Subscription:
    """One callback for one topic. `cancel` any number of times: it is not called any more, not even for the past."""

    __slots__ = ("_active", "_once", "_owner", "callback", "inline", "known_as", "topic")

    def __init__(
        self, owner: Subscriptions, topic: str, callback: Callback, known_as: Callback, once: bool, inline: bool
    ) -> None:
        self._owner = owner
        self.topic = topic
        self.callback = callback
        self.known_as = known_as
        self.inline = inline
        self._once = once
        self._active = True

    @property
    def name(self) -> str:
        return name_of(self.known_as)

    def cancel(self) -> None:
        self._active = False
        self._owner.remove(self)

    def call(self, args: tuple[Any, ...]) -> None:
        if not self._active:
            return
        try:
            self.callback(*args)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - one's fault is no other's, and ends no thread
            self._owner.complaints.failed(self.name, error)

    def deliver(self, args: tuple[Any, ...]) -> None:
        if self._once and not self._owner.remove(self):
            return  # another delivery was first
        if self.inline:
            self.call(args)
        elif not self._owner.lane.post(partial(self.call, args), self):
            self._owner.complaints.dropped(self.name)


@dataclass(frozen=True, slots=True, eq=False)
class _Named:
    """Whose job it is, where it is no subscription's."""

    name: str


class Subscriptions:
    """Topics and their subscribers. Any thread.

    All callbacks share one order, that in which things were published, so that one that ends a conversation does not
    run before those that make it. One that takes long is overtaken by the others, see Lane; never by itself.
    """

    def __init__(self, workers: Workers, complaints: Complaints, settings: Callbacks = Callbacks()) -> None:
        self.complaints = complaints
        self.lane = CallbackQueue(
            workers,
            limit=settings.waiting,
            hang_after=settings.hang_after,
            hung=lambda owner, seconds: complaints.hung(owner.name, seconds),
        )
        self._lock = threading.RLock()  # an abandoned iterator cancels wherever the garbage collector finds it
        self._topics: dict[str, tuple[Subscription, ...]] = {}

    def add(
        self,
        topic: str,
        callback: Callback,
        *,
        once: bool = False,
        inline: bool = False,
        known_as: Callback | None = None,
    ) -> Subscription:
        """`inline` runs the callback on the delivering thread: for our own waiters, which never block.

        `known_as`: the user's function, where `callback` wraps it: its name in logs, and what `forget` goes by.
        """
        one = Subscription(self, topic, callback, callback if known_as is None else known_as, once, inline)
        with self._lock:
            self._topics[topic] = (*self._topics.get(topic, ()), one)
        return one

    def remove(self, subscription: Subscription) -> bool:
        """-> whether it was still there"""
        with self._lock:
            before = self._topics.get(subscription.topic, ())
            left = tuple(one for one in before if one is not subscription)
            if left:
                self._topics[subscription.topic] = left
            else:
                self._topics.pop(subscription.topic, None)
            return len(left) < len(before)

    def of(self, topic: str) -> tuple[Subscription, ...]:
        return self._topics.get(topic, ())

    def topics(self) -> list[str]:
        """Those that have a subscriber."""
        with self._lock:
            return list(self._topics)

    def publish(self, topic: str, *args: Any) -> None:
        for one in self._topics.get(topic, ()):
            one.deliver(args)

    def run(self, name: str, job: Callable[[], None]) -> None:
        """Call the application's code in the same order as its callbacks; `name` is for complaints."""

        def guarded() -> None:
            try:
                job()
            except (Exception, SystemExit) as error:  # noqa: BLE001 - it may raise anything
                self.complaints.failed(name, error)

        if not self.lane.post(guarded, _Named(name)):
            self.complaints.dropped(name)

    def clear(self) -> None:
        """No callback is called any more."""
        self.lane.close()
        with self._lock:
            topics, self._topics = self._topics, {}
        for subscribers in topics.values():
            for one in subscribers:
                one.cancel()


def name_of(callback: Callback) -> str:
    """A callback's name for logs: where it was defined, never what it holds."""
    return f"{getattr(callback, '__module__', '?')}.{getattr(callback, '__qualname__', type(callback).__name__)}"
