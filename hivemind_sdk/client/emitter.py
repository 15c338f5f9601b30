"""The events of a client by name, with the verbs of pyee: bus topics, types of the hive, the life of the link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..messages import BusMessage, HiveMessage, HiveMessageType
from ..satellite.subscriptions import Subscription, Subscriptions
from .ovos import Renamed, to_message

Func = Callable[..., Any]
LINK_EVENTS = frozenset({"open", "close", "error", "reconnecting", "auth_rejected"})
RAW = "message"
WIRE_TYPES = {kind.value: kind for kind in HiveMessageType}
_TOPIC, _WAIT, _LINK = "topic:", "wait:", "link:"
_RAW_BUS = _TOPIC + RAW


class Emitter:
    """Whatever has a name and can be listened to. Any thread; callbacks as in Subscriptions.

    The name of a message type of the hive: `func(HiveMessage)`. `open`, `close`, `reconnecting`: `func()`; `error`:
    `func(exception)`; `auth_rejected`: `func(reason)`. `message`: the JSON text of every HiveMessage that arrives, but
    BINARY. Every other name is a bus topic: `func(Message)`.
    """

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions
        self._renamed = Renamed()

    # --- pyee's verbs ---

    def on(self, event: str, f: Func | None = None) -> Func:
        """Call `f` for each event; a second time for the same event changes nothing. Without `f`, a decorator."""
        return self._decorate(f, lambda func: self.add(_key(event), func))

    add_listener = on

    def once(self, event: str, f: Func | None = None) -> Func:
        """The same, for one event."""
        return self._decorate(f, lambda func: self.add(_key(event), func, once=True))

    def emit(self, event: str, *args: Any) -> bool:
        """Let local listeners hear an event. Nothing is sent. -> whether anybody listens"""
        key = _key(event)
        heard = bool(self._subscriptions.of(key))
        self._subscriptions.publish(key, *args)
        return heard

    def remove_listener(self, event: str, f: Func) -> None:
        """Forget a callback, and what it has not heard yet; unknown ones are ignored."""
        self.forget(_key(event), f)

    def remove_all_listeners(self, event: str | None = None) -> None:
        """Of one event, or of all."""
        keys = [_key(event)] if event is not None else self._keys()
        for key in keys:
            self.forget(key)

    def listeners(self, event: str) -> list[Func]:
        return [one.known_as for one in self._subscriptions.of(_key(event))]

    def event_names(self) -> set[str]:
        return {_name(key) for key in self._keys()}

    # --- for the client ---

    def add(self, key: str, func: Func, *, once: bool = False, known_as: Func | None = None) -> Func:
        """Listen under a key, see `bus_key`. `known_as`: the function that `forget` goes by, where `func` wraps it."""
        known_as = func if known_as is None else known_as
        if not once and any(one.known_as == known_as for one in self._subscriptions.of(key)):
            return func
        callback = func
        if key.startswith(_TOPIC):
            self._renamed.load()
            if key != _RAW_BUS:
                callback = _with_message(func)
        self._subscriptions.add(key, callback, once=once, known_as=known_as)
        return func

    def forget(self, key: str, func: Func | None = None) -> None:
        """Cancel what listens under a key: one function, or all."""
        for one in self._subscriptions.of(key):
            if not one.inline and (func is None or one.known_as == func):
                one.cancel()

    def catch(self, name: str, callback: Func, *, bus: bool) -> Subscription:
        """For waiters: called at once, on the reader's thread, and only for what arrives.

        A bus topic gives a BusMessage, the name of a message type of the hive (unless `bus`) a HiveMessage.
        """
        if not bus and name in WIRE_TYPES:
            return self._subscriptions.add(_key(name), callback, inline=True)
        self._renamed.load()
        return self._subscriptions.add(_WAIT + name, callback, inline=True)

    def hear(self, message: BusMessage, *, arrived: bool) -> None:
        """A bus message is here: from the hub (`arrived`), or one of our own."""
        subscriptions, served = self._subscriptions, []
        names = self._renamed.names(message)
        for known in names:
            if arrived:
                subscriptions.publish(_WAIT + known.msg_type, known)
            listening = subscriptions.of(_TOPIC + known.msg_type)
            for one in listening:
                if one.known_as not in served:  # who listens under both names is told once
                    one.deliver((known,))
            if len(names) > 1:
                served += [one.known_as for one in listening]
        if names and subscriptions.of(_RAW_BUS):
            subscriptions.publish(_RAW_BUS, message.serialize())

    def tell(self, event: str, *args: Any) -> None:
        """Something happened to the link."""
        self._subscriptions.publish(_LINK + event, *args)

    # --- inside ---

    def _keys(self) -> list[str]:
        return [key for key in self._subscriptions.topics() if _name(key) != key]

    @staticmethod
    def _decorate(func: Func | None, listen: Callable[[Func], Func]) -> Func:
        return listen if func is None else listen(func)


def bus_key(topic: str) -> str:
    """The key of a bus topic, whatever it is called. `message`: the JSON text of every bus message."""
    return _TOPIC + topic


def _key(event: str) -> str:
    name = event.value if isinstance(event, HiveMessageType) else event
    if name in WIRE_TYPES:
        return f"hive:{name}"
    if name in LINK_EVENTS:
        return _LINK + name
    return f"event:{RAW}" if name == RAW else _TOPIC + name


def _name(key: str) -> str:
    """The name behind a key of ours; other keys as they are."""
    for prefix in ("hive:", _LINK, "event:", _TOPIC):
        if key.startswith(prefix):
            return key[len(prefix) :]
    return key


def _with_message(func: Func) -> Func:
    def deliver(message: BusMessage | HiveMessage) -> Any:
        return func(to_message(message))

    return deliver
