"""Scripted faults of the embedded hub: what a satellite must survive, tell apart, or refuse.

`Hub(clients, misbehaviour=silent(ANSWER))`: the hub's third frame, and all after it, never come. `close(HELLO, 1011)`:
a close in place of its first. `Misbehaviour(outgoing=...)`: any frames in place of any others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..contracts import Frame, HandshakeContext
from .profiles import NO_STATUS, Close

HELLO, OFFER, ANSWER = 0, 1, 2
"""the hub's first frames, by their place"""
Outgoing = Callable[[int, Frame], Iterable[Frame | Close]]
"""the place of a frame, and the frame -> what goes out instead; a Close ends the link"""


def _as_it_is(_place: int, frame: Frame) -> Iterable[Frame | Close]:
    return (frame,)


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """What a hub does wrong. All of it off: a good one."""

    no_upgrade: bool = False
    """accepts the TCP connection, reads the request, and never answers; on a loopback port only"""
    outgoing: Outgoing = _as_it_is
    wrong_password: bool = False
    """proves another password than the satellite's"""
    offer: dict[str, Any] | None = None
    """keys of the offer that are replaced; None as value removes one"""

    def context(self, context: HandshakeContext) -> HandshakeContext:
        """What the hub's handshakes get to see."""
        if self.wrong_password:
            other = replace(context.credentials, password=f"not {context.credentials.password}")
            context = replace(context, credentials=other)
        if self.offer:
            offer = {key: value for key, value in {**context.offer, **self.offer}.items() if value is not None}
            context = replace(context, offer=offer)
        return context


WELL_BEHAVED = Misbehaviour()


def silent(place: int) -> Misbehaviour:
    """From this frame on, nothing is said any more."""
    return Misbehaviour(outgoing=lambda at, frame: () if at >= place else (frame,))


def close(place: int, code: int = NO_STATUS, reason: str = "") -> Misbehaviour:
    """A close in place of this frame."""
    return Misbehaviour(outgoing=lambda at, frame: (Close(code, reason),) if at == place else (frame,))


def insert(place: int, *frames: Frame) -> Misbehaviour:
    """These go out before the frame at this place."""
    return Misbehaviour(outgoing=lambda at, frame: (*frames, frame) if at == place else (frame,))


def change(place: int, **payload: Any) -> Misbehaviour:
    """Items of the payload of the clear frame at this place are replaced on their way; None removes one."""

    def outgoing(at: int, frame: Frame) -> Iterable[Frame]:
        if at != place:
            return (frame,)
        message = json.loads(frame)
        kept = {key: value for key, value in {**message["payload"], **payload}.items() if value is not None}
        return (json.dumps({**message, "payload": kept}),)

    return Misbehaviour(outgoing=outgoing)


def swapped() -> Misbehaviour:
    """The offer comes before HELLO."""
    held: list[Frame] = []

    def outgoing(at: int, frame: Frame) -> Iterable[Frame]:
        if at == HELLO:
            held.append(frame)
            return ()
        return (frame, held.pop()) if at == OFFER else (frame,)

    return Misbehaviour(outgoing=outgoing)
