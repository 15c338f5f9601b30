"""What the installed OVOS changes for the client: messages as its `Message`, and the topics that it has renamed."""

from __future__ import annotations

import importlib.util
import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..messages import BusMessage
from .ovos_message import make

if TYPE_CHECKING:
    from ovos_bus_client.message import Message

TWIN = "_namespace_compat_twin"
"""context key: this is a copy, under the old name, of a message that was sent under the new one"""
_MOST_TOPICS = 1000
_WITNESSED = 2.0
"""seconds in which such a copy follows"""


def to_message(message: Any) -> Message:
    """The OVOS form of a BusMessage, which shares its data but not its context; an OVOS message as it is."""
    if not isinstance(message, BusMessage):
        found: Message = message
    else:
        found = make(message.msg_type, message.data, dict(message.context))
    return found


def fingerprint(message: BusMessage, *ignored: str) -> int:
    """Equal for equal messages. `ignored`: keys of the context that do not count."""
    context = {key: value for key, value in message.context.items() if key not in ignored}
    content = [message.msg_type, message.data, context]
    try:
        return hash(json.dumps(content, sort_keys=True, default=str))
    except (TypeError, ValueError):  # keys of several types, or a circle
        return hash(repr(content))


class Renamed:
    """OVOS 2.x renames its topics (`speak` is `ovos.utterance.speak` now, `recognizer_loop:utterance` ...).

    A hub in front of such an OVOS relays the new name alone, so listeners of either name must hear both, as they do on
    OVOS' own clients; its table is used where it is installed (1.5 has none, and hears what comes). Relays that are
    older than their OVOS pass on a copy under the old name as well: it is dropped if what it copies was heard before.
    A copy that was not (the mark is inherited by replies) counts. Outgoing topics stay as they are: hubs understand
    both, and a copy would be answered twice. The renaming of intents is between skills and core, not for satellites.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._translator: Any = None
        self._looked = False
        self._topics: dict[str, tuple[str, ...]] = {}
        """topic -> its other names"""
        self._heard: deque[tuple[float, BusMessage | list[int]]] = deque(maxlen=64)
        """when something with other names was heard, and what: fingerprints of its other forms if copies come at all"""
        self._copies_come = False

    @property
    def active(self) -> bool:
        """Whether any topic has another name."""
        return self._translator is not None

    def load(self) -> None:
        """Look for the table; a tenth of a second, once. Without it nothing is renamed."""
        if self._looked:
            return
        self._looked = True
        if importlib.util.find_spec("ovos_spec_tools") is None:
            return
        from ovos_spec_tools.messages import NamespaceTranslator

        self._translator = NamespaceTranslator()

    def names(self, message: BusMessage, is_wanted: Callable[[str], object] = bool) -> list[BusMessage]:
        """The message, also under those of its other names that are wanted; nothing for a copy of what was heard."""
        if self._translator is None:
            return [message]
        if TWIN in message.context:
            return [] if self._is_copy(message) else [message]
        topics = self._topics.get(message.msg_type)
        if topics is None:
            topics = self._other_topics(message.msg_type)
        if not topics:
            return [message]
        self._heard.append((self._clock(), self._marks(message) if self._copies_come else message))
        for one in topics:
            if is_wanted(one):
                return [message, *self._under(message, filter(is_wanted, topics))]
        return [message]

    def other_names(self, message: BusMessage) -> list[BusMessage]:
        """The message under its other names."""
        return self._under(message, self._other_topics(message.msg_type))

    def _other_topics(self, topic: str) -> tuple[str, ...]:
        known = self._topics.get(topic)
        if known is None:
            if self._translator is None:
                return ()
            if len(self._topics) >= _MOST_TOPICS:
                self._topics.clear()
            known = self._topics[topic] = tuple(self._translator.counterpart_topics(topic))
        return known

    def _under(self, message: BusMessage, topics: Iterable[str]) -> list[BusMessage]:
        others = []
        for topic in topics:
            try:
                data = self._translator.translate_payload(message.msg_type, topic, message.data)
            except Exception:  # noqa: BLE001, S112 - data that is not as it should be has no other form
                continue
            others.append(BusMessage(topic, data, message.context))
        return others

    def _marks(self, message: BusMessage) -> list[int]:
        return [fingerprint(one) for one in self.other_names(message)]

    def _is_copy(self, message: BusMessage) -> bool:
        self._copies_come = True
        now, mark = self._clock(), fingerprint(message, TWIN)
        return any(
            now - when < _WITNESSED and mark in (self._marks(known) if isinstance(known, BusMessage) else known)
            for when, known in tuple(self._heard)
        )
