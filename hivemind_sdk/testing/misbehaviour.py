"""Scripted faults of the embedded hub: what a satellite must survive, told apart, or refuse."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..connection import Event, HubLink
from ..contracts import Frame, HandshakeContext, Transport
from ..errors import LinkClosed


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """What a hub does wrong. All of it off: a good one."""

    silent_after_upgrade: bool = False
    """never says anything"""
    close_after_upgrade: tuple[int, str] | None = None
    close_in_handshake: tuple[int, str] | None = None
    """at the satellite's first frame"""
    garbage: tuple[Frame, ...] = ()
    """frames sent before HELLO"""
    wrong_password: bool = False
    """proves another password than the satellite's"""
    offer: dict[str, Any] | None = None
    """keys of the offer that are replaced; None as value removes one"""

    def before(self, transport: Transport) -> None:
        """Right after the upgrade."""
        for frame in self.garbage:
            transport.send(frame)
        if self.close_after_upgrade is not None:
            transport.close(*self.close_after_upgrade)
        if self.silent_after_upgrade:
            _swallow(transport)

    def context(self, context: HandshakeContext) -> HandshakeContext:
        """What the hub's handshakes get to see."""
        if self.wrong_password:
            other = replace(context.credentials, password=f"not {context.credentials.password}")
            context = replace(context, credentials=other)
        if self.offer:
            offer = {key: value for key, value in {**context.offer, **self.offer}.items() if value is not None}
            context = replace(context, offer=offer)
        return context

    def receive(self, link: HubLink, transport: Transport, frame: Frame) -> list[Event]:
        """One frame from the satellite."""
        if self.close_in_handshake is not None:
            transport.close(*self.close_in_handshake)
            return []
        return link.receive(frame)


WELL_BEHAVED = Misbehaviour()


def _swallow(transport: Transport) -> None:
    with suppress(LinkClosed):
        while True:
            transport.receive()
