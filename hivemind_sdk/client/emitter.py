"""The client's events by name, with the verbs of pyee and of OVOS: topics, hive types, link states."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..contracts.status import State, Status
from ..messages import BusMessage, HiveMessage, HiveMessageType
from ..satellite.events import ANY, Channel, Events
from .ovos import Renamed, to_message

if TYPE_CHECKING:
    from ovos_bus_client.message import Message

Func = Callable[..., Any]
Place = tuple[Channel, Hashable]
"""where the callbacks of an event are: a channel and a key in it"""
LINK_EVENTS = frozenset({"open", "close", "error", "reconnecting", "auth_rejected"})
RAW = "message"
WIRE_TYPES = {kind.value: kind for kind in HiveMessageType}


class Emitter:
    """Callbacks by the name of an event. Any thread.

    The name of a message type of the hive: `func(HiveMessage)`. `open`, `close`, `reconnecting`: `func()`; `error`:
    `func(exception)`; `auth_rejected`: `func(reason)`. `message`: the JSON text of every HiveMessage that arrives,
    BINARY excepted. Every other name is a bus topic: `func(Message)`.
    """

    __slots__ = ("_hive", "_link", "_raw", "renamed", "renames", "topics")

    def __init__(self, events: Events) -> None:
        self.renamed = Renamed()
        self.renames = False
        """True: listeners hear messages under both names of a topic"""
        self._hive = events.hive
        self.topics = events.channel()
        """bus messages by type"""
        self._link = events.channel()
        self._raw = events.channel()
        events.bus.add(ANY, self.hear, inline=True)

    # --- pyee's verbs ---

    def on(self, event: str, f: Func | None = None) -> Func:
        """Calls `f` for each event; a second registration changes nothing. Without `f`, a decorator.

        Raises TypeError for a coroutine function.
        """
        return self._decorate(f, lambda func: self.add(self.place(event), func))

    add_listener = on

    def once(self, event: str, f: Func | None = None) -> Func:
        """Calls `f` for one event."""
        return self._decorate(f, lambda func: self.add(self.place(event), func, once=True))

    def emit(self, event: str, *args: Any) -> bool:
        """Lets local listeners hear an event. Nothing is sent. Returns True if anybody listens."""
        channel, key = self.place(event)
        heard = bool(channel.of(key))
        channel.publish(key, *args)
        return heard

    def remove_listener(self, event: str, f: Func) -> None:
        """Forgets a callback, and what it has not heard yet; unknown ones are ignored."""
        self.forget(self.place(event), f)

    def remove_all_listeners(self, event: str | None = None) -> None:
        """Forgets the callbacks of one event, or of all."""
        for place in self._places() if event is None else [self.place(event)]:
            self.forget(place)

    def listeners(self, event: str) -> list[Func]:
        """The callbacks of an event, as they were registered."""
        channel, key = self.place(event)
        return [one.callback if one.unique is None else one.unique for one in channel.of(key)]

    def event_names(self) -> set[str]:
        """The events that have callbacks."""
        return {self._name(place) for place in self._places()}

    # --- for the client ---

    def add(self, place: Place, func: Func, *, once: bool = False, unique: Func | None = None) -> Func:
        """Listens at a place. `unique`: the function that `forget` goes by, if `func` wraps it."""
        channel, key = place
        convert: Func | None = None
        if channel is self.topics:
            self.load_names()
            convert = _text if key == ANY else to_message
        elif channel is self._raw and not channel.keys():
            self._hive.add(ANY, self._publish_raw, inline=True, unique=self._publish_raw)
        channel.add(key, func, once=once, convert=convert, unique=func if unique is None else unique)
        return func

    def forget(self, place: Place, func: Func | None = None) -> None:
        """Cancels the callbacks at a place: one function, or all."""
        channel, key = place
        found = channel.of(key) if func is None else [channel.find(key, func)]
        for one in found:
            if one is not None and not one.inline:
                one.cancel()

    def load_names(self) -> None:
        """Looks, once, whether OVOS renames topics. From then on listeners hear messages under both names."""
        if not self.renames:
            self.renamed.load()
            self.renames = self.renamed.active

    def hear(self, message: BusMessage) -> None:
        """A bus message is here: from the hub, or one of our own."""
        topics = self.topics
        known = self.renamed.names(message, topics.hears) if self.renames else (message,)
        if len(known) == 1:
            topics.publish(message.msg_type, message)
        else:
            self._hear_under(known)

    def tell(self, event: str, *args: Any) -> None:
        """Something happened to the link."""
        self._link.publish(event, *args)

    def place(self, event: str) -> Place:
        """Where the callbacks of an event are."""
        name = event.value if isinstance(event, HiveMessageType) else event
        kind = WIRE_TYPES.get(name)
        if kind is not None:
            return self._hive, kind
        if name in LINK_EVENTS:
            return self._link, name
        return (self._raw, ANY) if name == RAW else (self.topics, name)

    def topic(self, name: str) -> Place:
        """Where the callbacks of a bus topic are, whatever it is called. `message`: the JSON text of all of them."""
        return self.topics, ANY if name == RAW else name

    # --- inside ---

    def _hear_under(self, known: Iterable[BusMessage]) -> None:
        """Under several names of a topic (or none); who listens under two is told once."""
        topics = self.topics
        served: list[tuple[Func, bool]] = []
        for one in known:
            hearers = topics.heard_by(one.msg_type)
            for hearer in hearers:
                if (hearer.callback, hearer.key == ANY) not in served:
                    hearer.deliver(one)
            served += [(hearer.callback, hearer.key == ANY) for hearer in hearers]

    def _publish_raw(self, message: HiveMessage) -> None:
        if message.msg_type is not HiveMessageType.BINARY and self._raw.hears(ANY):
            self._raw.publish(ANY, message.serialize())

    def _places(self) -> list[Place]:
        channels = (self._hive, self._link, self._raw, self.topics)
        return [
            (channel, key)
            for channel in channels
            for key in channel.keys()  # noqa: SIM118 - no mapping
            if not all(one.inline for one in channel.of(key))
        ]

    def _name(self, place: Place) -> str:
        channel, key = place
        return RAW if key == ANY and channel is not self._hive else str(key)

    @staticmethod
    def _decorate(func: Func | None, listen: Callable[[Func], Func]) -> Func:
        return listen if func is None else listen(func)


class Listening:
    """The verbs of a client for its Emitter."""

    emitter: Emitter
    wrapped_funcs: dict[Func, Func]

    def on(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        """Calls `func` for each event: with a HiveMessage for a type of the hive, with a Message for a bus type.

        `open`, `close`, `error`, `reconnecting`, `auth_rejected` are events of the link, see Emitter. `message` gets
        the JSON text of every bus message; `client.emitter.on("message", ...)` that of every HiveMessage.

        Callbacks run in the order of the events, on threads of the SDK. One that takes long or waits does not hold up
        the link, and other callbacks for a tenth of a second at most. An exception is logged with the callback's name.
        Raises TypeError for a coroutine function.
        """
        self._listen(event_name, func, once=False)

    def once(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        """Calls `func` for one event."""
        self._listen(event_name, func, once=True)

    def on_mycroft(self, mycroft_msg_type: str, func: Callable[[Message], Any]) -> None:
        """Calls `func(Message)` for each bus message of this type, also if a hive type has the same name."""
        self.emitter.add(self.emitter.topic(mycroft_msg_type), func)

    def remove(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        """Forgets a callback, and what it has not heard yet; unknown ones are ignored."""
        self.wrapped_funcs.pop(func, None)
        self.emitter.remove_listener(event_name, func)
        self.emitter.forget(self.emitter.topic(event_name), func)

    def remove_all_listeners(self, event_name: HiveMessageType | str) -> None:
        """Forgets every callback of this event. Raises ValueError for None."""
        if event_name is None:
            raise ValueError("event_name is None: say which event's listeners to remove")
        self.emitter.remove_all_listeners(event_name)
        self.emitter.forget(self.emitter.topic(event_name))

    def _listen(self, event_name: HiveMessageType | str, func: Callable[..., Any], *, once: bool) -> None:
        if event_name == RAW:
            self.emitter.add(self.emitter.topic(RAW), func, once=once)
        elif once:
            self.emitter.once(event_name, func)
        else:
            self.emitter.on(event_name, func)


def link_events(before: Status, after: Status) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """What listeners hear of a change of state: the names of events of the link, and what they come with."""
    if after.state is State.READY:
        yield "open", ()
    elif before.state is State.READY:
        yield "close", ()
    if after.cause is not None and after.cause is not before.cause:
        yield "error", (after.cause,)
    if after.state is State.BACKOFF:
        yield "reconnecting", ()
    elif after.state is State.REFUSED:
        yield "auth_rejected", (str(after.cause),)


def _text(message: Any) -> str:
    text: str = message.serialize()
    return text
