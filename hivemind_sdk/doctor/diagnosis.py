"""One satellite is linked and asked; what it goes through, and what ends it, becomes steps."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .._startup import replace
from ..contracts import NodeState, TransportConnector
from ..engine.utterances import UTTERANCE
from ..errors import PolicyDenied
from ..satellite.satellite import Satellite
from ..settings import Settings
from .answers import echo, permissions
from .link import Progress, follow
from .steps import NAMES, NOT_REACHED, Outcome, Step

if TYPE_CHECKING:
    from ..plugins.catalogue import Catalogue

_PING_AFTER = 0.2
"""seconds of silence before a ping of the transport: an echo that every hub gives"""


def diagnose(
    settings: Settings,
    catalogue: Catalogue | None = None,
    *,
    transport: TransportConnector | None = None,
    identity: NodeState | None = None,
    types: Sequence[str] = (UTTERANCE,),
    utterance: str | None = None,
    lang: str | None = None,
    patience: float = 10.0,
) -> Iterator[Step]:
    """Link once, to the hub that is preferred, and ask. -> each of NAMES, as soon as it is known

    `types`: the bus types whose permission is asked for, by sending one with empty data (an utterance without words).
    `utterance`: said to the hub in the last step, which waits `patience` seconds for its answer; None: nothing that an
    agent acts on is sent. As with any link, a hub that was unknown is pinned. Raises SettingsError, PluginError and
    IdentityError where no link can even be tried.
    """
    progress = Progress()
    deadlines = replace(settings.deadlines, keepalive=_PING_AFTER)
    settings = replace(settings, reconnect=False, retry_refused=False, fallbacks=(), deadlines=deadlines)
    satellite = Satellite(settings, catalogue, transport=transport, identity=identity, observers=[progress])
    reached: list[str] = []
    try:
        for step in _steps(satellite, progress, types, utterance, lang, patience):
            reached.append(step.name)
            yield step
    finally:
        satellite.close()
    for name in NAMES[len(reached) :]:
        yield Step(name, Outcome.SKIPPED, NOT_REACHED)


def _steps(
    satellite: Satellite,
    progress: Progress,
    types: Sequence[str],
    utterance: str | None,
    lang: str | None,
    patience: float,
) -> Iterator[Step]:
    """Until one fails to which the next are owed."""
    began = time.monotonic()
    for step in follow(satellite, progress):
        now = time.monotonic()
        yield replace(step, seconds=now - began)
        began = now
        if step.outcome is Outcome.FAILED:
            return
    asked, back = permissions(satellite, types)
    yield replace(asked, seconds=time.monotonic() - began)
    if asked.error is not None and not isinstance(asked.error, PolicyDenied):
        return  # the link ended on it
    began = time.monotonic()
    yield replace(echo(satellite, progress, utterance, lang, patience, back), seconds=time.monotonic() - began)
