"""Who hears what: one channel for each kind of event, and the callbacks that are registered on it by key."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Protocol

from ..contracts.observations import CallbackFailed, Dropped, Observation

log = logging.getLogger(__name__)
Callback = Callable[..., Any]
_ASYNC = 0x80 | 0x200
"""flags of code objects: coroutine function, asynchronous generator function"""
_NOBODY: dict[Any, Any] = {}
"""of channels that nobody has listened to: never changed, and shared because there are many"""
ANY = "*"
"""key of callbacks that hear all events of a channel"""


class Queue(Protocol):
    """Runs jobs one after the other, off the calling thread or on it, as threads.callbacks.CallbackQueue does."""

    weight: int
    """bytes of the message that the next jobs are about"""

    def post(self, job: Callable[[], None], owner: object = None) -> bool:
        """Runs `job` later. Returns False if it is dropped because too many wait."""


class Runner:
    """Calls callbacks: in the order of the events, through `queue`; reports those that raise or can't be queued."""

    __slots__ = ("_observe", "queue")

    def __init__(self, queue: Queue, observe: Callable[[Observation], None]) -> None:
        self.queue = queue
        self._observe = observe

    def run(self, name: str, job: Callable[[], None]) -> None:
        """Calls application code in the same order as callbacks. `name` is for logs."""
        if not self.queue.post(partial(self._guarded, name, job), _Named(name)):
            self.dropped(name)

    def failed(self, name: str, error: BaseException) -> None:
        """A callback or handler raised."""
        log.error("%s raised %s", name, type(error).__name__)
        log.debug("traceback of %s", name, exc_info=error)
        self._observe(CallbackFailed(name, error))

    def dropped(self, name: str) -> None:
        """A call was dropped because too many wait."""
        self._observe(Dropped("callbacks are behind", name))

    def _guarded(self, name: str, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - application code may raise anything
            self.failed(name, error)


class _Named:
    """The owner of a job that is no callback's."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Subscription:
    """One callback on one channel. `cancel` any number of times: it is not called any more, not even for the past."""

    __slots__ = (
        "_active",
        "_channel",
        "_convert",
        "_place",
        "callback",
        "inline",
        "is_coroutine",
        "key",
        "once",
        "unique",
    )

    def __init__(
        self,
        channel: Channel,
        key: Hashable,
        place: Hashable,
        callback: Callback,
        convert: Callback | None,
        unique: Callback | None,
        once: bool,
        inline: bool,
    ) -> None:
        self._channel = channel
        self.key = key
        self._place = place
        self.callback = callback
        self._convert = convert
        self.unique = unique
        self.once = once
        self.inline = inline
        self.is_coroutine = channel.coroutines and is_coroutine(self.unique or self.callback)
        self._active = True

    @property
    def name(self) -> str:
        """For logs: where the callback was defined."""
        return name_of(self.callback if self.unique is None else self.unique)

    def cancel(self) -> None:
        self._active = False
        self._channel.discard(self)

    def deliver(self, *args: Any) -> None:
        """Calls the callback, now if it is inline, else in its turn."""
        if self.once and not self._channel.discard(self):
            return  # another event was first
        if self.inline:
            self.call(*args)
        elif not self._channel.runner.queue.post(partial(self.call, *args), self):
            self._channel.runner.dropped(self.name)

    def call(self, *args: Any) -> Any:
        """Calls the callback now, unless it was cancelled. What it raises is reported.

        Returns what it returned: an awaitable, if it is a coroutine function.
        """
        if not self._active:
            return None
        try:
            if self._convert is not None:
                return self.callback(self._convert(*args))
            return self.callback(*args)
        except BaseException as error:  # noqa: BLE001 - no callback may end the thread or harm another one
            self.failed(error)
            return None

    def failed(self, error: BaseException) -> None:
        """Reports what the callback has raised."""
        self._channel.runner.failed(self.name, error)


class Channel:
    """The callbacks for one kind of event, by key. Any thread.

    The callbacks of a key and those of ANY are found with one look-up. Adding one takes the same time however many
    there are.
    """

    __slots__ = ("_lock", "_snapshots", "coroutines", "listeners", "listeners_to_all", "runner")

    def __init__(self, runner: Runner, lock: threading.RLock, *, coroutines: bool = False) -> None:
        self.runner = runner
        self.coroutines = coroutines
        self._lock = lock  # can be entered again: the garbage collector may cancel a subscription anywhere
        self.listeners: dict[Hashable, dict[Hashable, Subscription]] = _NOBODY
        """key -> the subscriptions that hear it; keys without any are not in here"""
        self._snapshots: dict[Hashable, tuple[Subscription, ...] | None] = _NOBODY
        self.listeners_to_all: tuple[Subscription, ...] = ()

    def add(
        self,
        key: Hashable,
        callback: Callback,
        *,
        once: bool = False,
        inline: bool = False,
        convert: Callback | None = None,
        unique: Callback | None = None,
    ) -> Subscription:
        """Registers a callback. `inline` calls it on the publishing thread: it must not block.

        `convert` is applied to the event first. `unique`: the function that `find` goes by; a second registration of it
        changes `once` of the first one, as in pyee. Raises TypeError for a coroutine function and what can't be called.
        """
        if not callable(callback):
            raise TypeError(f"a callback of type {type(callback).__name__} can't be called: pass a function")
        if not self.coroutines or inline:
            refuse_coroutine(unique or callback)
        with self._lock:
            if self.listeners is _NOBODY:
                self.listeners, self._snapshots = {}, {}
            listeners = self.listeners.setdefault(key, {})
            place: Hashable = object() if unique is None else _place(unique)
            found = listeners.get(place)
            if found is not None:
                found.once = once
                return found
            made = Subscription(self, key, place, callback, convert, unique, once, inline)
            listeners[place] = made
            self._changed(key)
            return made

    def publish(self, key: Hashable, *args: Any) -> None:
        """Lets the callbacks of this key, then those of ANY, hear an event."""
        listeners = self._snapshots.get(key, self.listeners_to_all)
        if listeners is None:
            listeners = self._snapshot(key)
        post = self.runner.queue.post
        for one in listeners:
            if one.once:
                one.deliver(*args)
            elif one.inline:
                one.call(*args)
            elif not post(partial(one.call, *args), one):
                self.runner.dropped(one.name)

    def of(self, key: Hashable) -> tuple[Subscription, ...]:
        """The subscriptions of exactly this key."""
        with self._lock:
            return tuple(self.listeners.get(key, {}).values())

    def find(self, key: Hashable, unique: Callback) -> Subscription | None:
        """The subscription that was added under this key with this `unique`."""
        return self.listeners.get(key, {}).get(_place(unique))

    def heard_by(self, key: Hashable) -> tuple[Subscription, ...]:
        """The subscriptions that hear an event of this key: its own, then those of ANY."""
        listeners = self._snapshots.get(key, self.listeners_to_all)
        return self._snapshot(key) if listeners is None else listeners

    def hears(self, key: Hashable) -> bool:
        """True if somebody hears events of this key."""
        return key in self.listeners or bool(self.listeners_to_all)

    def keys(self) -> list[Hashable]:
        """The keys that have a subscription."""
        with self._lock:
            return list(self.listeners)

    def discard(self, subscription: Subscription) -> bool:
        """Removes a subscription. Returns False if it was gone already."""
        with self._lock:
            listeners = self.listeners.get(subscription.key, {})
            if listeners.get(subscription._place) is not subscription:
                return False
            del listeners[subscription._place]
            if not listeners:
                del self.listeners[subscription.key]
            self._changed(subscription.key)
            return True

    def clear(self) -> None:
        """Cancels all subscriptions."""
        for key in self.keys():
            for one in self.of(key):
                one.cancel()

    def _changed(self, key: Hashable) -> None:
        if key == ANY:
            self.listeners_to_all = tuple(self.listeners.get(ANY, {}).values())
            self._snapshots = dict.fromkeys(self.listeners)
        elif key in self.listeners:
            self._snapshots[key] = None
        else:
            self._snapshots.pop(key, None)

    def _snapshot(self, key: Hashable) -> tuple[Subscription, ...]:
        with self._lock:
            own = tuple(self.listeners.get(key, {}).values())
            listeners = own if key == ANY else own + self.listeners_to_all
            if key in self.listeners:
                self._snapshots[key] = listeners
            return listeners


class Events:
    """The channels of one node."""

    __slots__ = ("_coroutines", "_lock", "binary", "bus", "hive", "runner", "state")

    def __init__(
        self, queue: Queue, observe: Callable[[Observation], None], lock: threading.RLock, *, coroutines: bool = False
    ) -> None:
        """`lock` guards the subscriptions. `coroutines`: callbacks may be coroutine functions, which `queue` awaits."""
        self._coroutines = coroutines
        self.runner = Runner(queue, observe)
        self._lock = lock
        self.hive = self.channel()
        """HiveMessages that arrive, by HiveMessageType"""
        self.bus = self.channel()
        """bus messages that arrive, by bus type"""
        self.binary = self.channel()
        """BINARY messages for the application; key ANY"""
        self.state = self.channel()
        """changes of Status; key ANY"""

    def channel(self) -> Channel:
        """A channel whose callbacks run in one order with those of all others here."""
        return Channel(self.runner, self._lock, coroutines=self._coroutines)

    def clear(self) -> None:
        """Cancels all subscriptions of these channels."""
        for channel in (self.hive, self.bus, self.binary, self.state):
            channel.clear()


def refuse_coroutine(callback: Callback) -> None:
    """Raises TypeError for a coroutine function or asynchronous generator function, which a thread can't run."""
    if is_coroutine(callback):
        raise TypeError(
            f"{name_of(callback)} is a coroutine function, which this client can't run: pass a plain function, or use "
            "the asyncio client, AsyncHiveMessageBusClient"
        )


def is_coroutine(callback: Callback) -> bool:
    """Whether this is a coroutine function or asynchronous generator function, wrapped or not."""
    function: Any = callback
    while isinstance(function, partial):
        function = function.func
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None) or getattr(getattr(type(function), "__call__", None), "__code__", None)  # noqa: B004
    return code is not None and bool(code.co_flags & _ASYNC)


def name_of(callback: Callback) -> str:
    """A callback's name for logs: module and qualified name, never its arguments."""
    return f"{getattr(callback, '__module__', '?')}.{getattr(callback, '__qualname__', type(callback).__name__)}"


def _place(callback: Callback) -> Hashable:
    try:
        hash(callback)
    except TypeError:
        return id(callback)
    return callback
