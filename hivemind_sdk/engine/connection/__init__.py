"""One link, sans I/O: frames in, events and frames out. Knows no socket, no thread, no clock, no plugin by name.

    link.start()                       a hub's end: greet
    link.receive(frame) -> [events]    what was learned from a frame
    link.resume(result) -> [events]    the result of the slow work that a ComputeNeeded event asked for
    link.send(message)                 seal a message
    link.frames_to_send() -> [frames]  what must be written now, in this order

What can survive is an event (Discarded); what ends the link is raised: HandshakeError, Refused (its two kinds),
IdentityError, PluginError or SettingsError from a handshake, SessionBroken. After that the object is dead; a new link
needs a new one. `close` it in any case.

`receive`/`resume` belong to the reading thread. Once the link is secured they never produce frames, so that `send` and
`frames_to_send`, under one lock, are the order on the wire.
"""

from __future__ import annotations

from .compute import run_compute
from .config import LinkConfig, NamedHandshake
from .events import ComputeNeeded, Discarded, Event, Greeted, LinkSecured, Received
from .hub import HubLink
from .link import Link, Phase
from .satellite import SatelliteLink

__all__ = [
    "ComputeNeeded",
    "Discarded",
    "Event",
    "Greeted",
    "HubLink",
    "Link",
    "LinkConfig",
    "LinkSecured",
    "NamedHandshake",
    "Phase",
    "Received",
    "SatelliteLink",
    "run_compute",
]
