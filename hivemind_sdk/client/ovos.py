"""What the installed OVOS changes for the client: messages as its `Message`, and the topics that it has renamed."""

from __future__ import annotations

import importlib.util
import json
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..messages import BusMessage
from .ovos_message import make

if TYPE_CHECKING:
    from ovos_bus_client.message import Message

TWIN = "_namespace_compat_twin"
"""context key: this is a copy, under the old name, of a message that was sent under the new one"""
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
        self._heard: deque[tuple[float, int]] = deque(maxlen=64)

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

    def names(self, message: BusMessage) -> list[BusMessage]:
        """The message, also under its other name if it has one; nothing for a copy of what was heard already."""
        translator = self._translator
        if translator is None:
            return [message]
        if TWIN in message.context:
            return [] if self._is_copy(message) else [message]
        others = self.other_names(message)
        for one in others:
            self._heard.append((self._clock(), fingerprint(one)))
        return [message, *others]

    def other_names(self, message: BusMessage) -> list[BusMessage]:
        """The message under its other names."""
        translator, others = self._translator, []
        for topic in () if translator is None else translator.counterpart_topics(message.msg_type):
            try:
                data = translator.translate_payload(message.msg_type, topic, message.data)
            except Exception:  # noqa: BLE001, S112 - data that is not as it should be has no other form
                continue
            others.append(BusMessage(topic, data, message.context))
        return others

    def _is_copy(self, message: BusMessage) -> bool:
        now, mark = self._clock(), fingerprint(message, TWIN)
        return any(known == mark and now - when < _WITNESSED for when, known in tuple(self._heard))
