"""The hub's end of a link, for the embedded hub."""

from __future__ import annotations

from typing import ClassVar

from ..._startup import replace
from ...contracts import Declined, Established, Frame, Session
from ...messages import HiveMessage, HiveMessageType
from .config import LinkConfig
from .events import Discarded, Event, Greeted
from .link import Kind, Link, Phase


class HubLink(Link):
    """The hub's end, for the embedded hub: greets, offers, answers the handshake, waits for the satellite's HELLO."""

    _first_phase = Phase.OFFER

    def __init__(self, config: LinkConfig) -> None:
        super().__init__(config)
        self._early: Session | None = None
        self._greeted = False

    def start(self) -> None:
        """Queue HELLO and the offer."""
        context = self.config.context
        offer = dict(context.offer)
        for one in self.config.allowed():
            offer |= one.handshake.offer(replace(context, offer=offer))
        self.config = replace(self.config, context=replace(context, offer=offer))
        self._send_clear(HiveMessageType.HELLO, context.hello)
        self._send_clear(HiveMessageType.HANDSHAKE, offer)
        self._early = self._session_without_frames()

    def _session_without_frames(self) -> Session | None:
        """A session that needs no handshake frames (pre-shared key), should the satellite choose to use it."""
        for one in self.config.allowed():
            script = one.handshake.hub(self.config.context, {})
            if isinstance(script, Declined):
                continue
            try:
                next(script)
            except StopIteration as stop:
                if isinstance(stop.value, Established):
                    return stop.value.session
            script.close()
        return None

    def _first(self, message: HiveMessage) -> list[Event]:
        payload = message.payload
        return self._negotiate(lambda handshake: handshake.hub(self.config.context, payload))

    def _sealed_first(self, frame: Frame) -> list[Event]:
        if self._early is None:
            return [Discarded("sealed too early", "no pre-shared key")]
        return [*self._secure(Established(self._early)), *self._open(frame)]

    def _setup_message(self, message: HiveMessage) -> list[Event]:
        if message.msg_type is HiveMessageType.HELLO and not self._greeted:
            self._greeted = True
            return [Greeted(message.payload)]
        return super()._setup_message(message)

    _table: ClassVar = {
        (Phase.OFFER, Kind.HANDSHAKE): _first,
        (Phase.OFFER, Kind.SEALED): _sealed_first,
        (Phase.AGREEING, Kind.HANDSHAKE): Link._reply,
    }
