"""The satellite's end of a link."""

from __future__ import annotations

from typing import ClassVar

from ..._startup import replace
from ...contracts import Established, Form
from ...messages import HiveMessage, HiveMessageType
from ..codec import encode_text
from .config import LinkConfig
from .events import Event, Greeted
from .link import Kind, Link, Phase


class SatelliteLink(Link):
    """The satellite's end: waits for HELLO and the offer, picks a handshake, sends its own HELLO over the session."""

    __slots__ = ("probe",)

    _first_phase = Phase.GREETING

    def __init__(self, config: LinkConfig) -> None:
        super().__init__(config)
        self.probe: HiveMessage | None = None
        """a message without effect that the hub answers, once the session is agreed; None where it has none"""

    def _greet(self, message: HiveMessage) -> list[Event]:
        hello = message.payload
        self.config = replace(self.config, context=replace(self.config.context, hello=hello))
        self._phase = Phase.OFFER
        return [Greeted(hello)]

    def _offered(self, message: HiveMessage) -> list[Event]:
        context = replace(self.config.context, offer=message.payload)
        self.config = replace(self.config, context=context)
        return self._negotiate(lambda handshake: handshake.satellite(context))

    def _secure(self, established: Established) -> list[Event]:
        events = super()._secure(established)
        hello = encode_text(HiveMessage(HiveMessageType.HELLO, self.config.hello))
        self._out.extend(established.session.seal(Form.TEXT, hello.encode()))
        self._forget_agreement()
        self.probe = established.probe
        if established.probe is not None and established.confirm_within:
            self.send(established.probe)
        return events

    _table: ClassVar = {
        (Phase.GREETING, Kind.HELLO): _greet,
        (Phase.OFFER, Kind.HANDSHAKE): _offered,
        (Phase.AGREEING, Kind.HANDSHAKE): Link._reply,
    }
