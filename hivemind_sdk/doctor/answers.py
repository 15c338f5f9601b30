"""What a hub says to what is sent on a link that is READY: what it denies, and whether anything comes back."""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from contextlib import suppress

from ..contracts.status import State, Status
from ..errors import HiveMindError, LinkClosed, LinkError, PolicyDenied
from ..messages import BusMessage, JSONObject
from ..satellite.local_bus import DENIED, denial
from ..satellite.satellite import Satellite
from .link import Progress
from .steps import ECHO, PERMISSIONS, Outcome, Step, failed

MARKER = "hivemind.sdk.doctor.marker"
"""a bus type that no hub has a reason to allow: if even this is not denied, silence means nothing"""
OBJECTION = 2.0
"""seconds that a hub is given to say so"""
_EMPTY: JSONObject = {"utterances": []}
"""data without effect: an utterance without words"""
_SILENT = (
    "the hub does not say what it denies (hivemind-core 4.0 is silent): say something with `--utterance`; if nothing "
    "comes back, allow it on the hub: `hivemind-core allow-msg TYPE`"
)


def permissions(satellite: Satellite, types: Sequence[str]) -> tuple[Step, float | None]:
    """Send each type with empty data, and the marker last. -> the step; seconds until the marker's denial came, if ever

    A hub decides in order, so whatever was not denied before the marker is allowed.
    """
    answers: queue.SimpleQueue[PolicyDenied | HiveMindError] = queue.SimpleQueue()

    def lost(status: Status) -> None:
        if status.state is not State.READY:
            answers.put(status.cause or LinkClosed())

    subscriptions = (
        satellite.on_bus(DENIED, lambda message: answers.put(denial(message)), inline=True),
        satellite.on_state(lost, inline=True),
    )
    sent = time.monotonic()
    denied: list[PolicyDenied] = []
    back: float | None = None
    try:
        with suppress(LinkError):  # the end of the link comes as an answer, too, and knows why
            for kind in types:
                satellite.emit(BusMessage(kind, dict(_EMPTY)))
            satellite.emit(BusMessage(MARKER))
        while back is None:
            answer = answers.get(timeout=max(0.0, sent + OBJECTION - time.monotonic()))
            if not isinstance(answer, PolicyDenied):
                raise answer
            if answer.denied_type == MARKER:
                back = time.monotonic() - sent
            else:
                denied.append(answer)
    except queue.Empty:
        pass
    except HiveMindError as error:
        return failed(PERMISSIONS, error, "the hub hung up on this message: its log says why"), None
    finally:
        for one in subscriptions:
            one.cancel()
    return _judged(types, denied, heard=back is not None), back


def _judged(types: Sequence[str], denied: Sequence[PolicyDenied], *, heard: bool) -> Step:
    named, asked = {one.denied_type for one in denied}, ", ".join(types)
    if denied:
        allowed = [kind for kind in types if kind not in named]
        notes = tuple(f"{one} ({one.hint})" for one in denied[1:])
        return failed(PERMISSIONS, denied[0], notes=(*notes, *(f"{kind} is allowed" for kind in allowed)))
    if heard:
        return Step(PERMISSIONS, Outcome.OK, f"this access key may send {asked}")
    return Step(PERMISSIONS, Outcome.WARNING, f"whether this access key may send {asked} can't be told", _SILENT)


def echo(
    satellite: Satellite,
    progress: Progress,
    utterance: str | None,
    lang: str | None,
    patience: float,
    back: float | None,
) -> Step:
    """Say the utterance and wait for the answer; without one, what came back by itself: `back`, or the transport's."""
    try:
        if utterance is not None:
            replies = satellite.ask(utterance, timeout=patience, lang=lang)
            text = (
                "; ".join(str(reply.data.get("utterance", "")) for reply in replies) or "handled, and nothing was said"
            )
            return Step(ECHO, Outcome.OK, f"the hub answered: {text}")
        if back is not None:
            return Step(ECHO, Outcome.OK, f"a sealed message went up and its answer came down in {back * 1000:.1f} ms")
        seconds = progress.trips.get(timeout=OBJECTION)
        return Step(ECHO, Outcome.OK, f"the hub's transport answers pings ({seconds * 1000:.1f} ms)", _SAY)
    except queue.Empty:
        return Step(ECHO, Outcome.WARNING, "nothing has come back on this link yet", _SAY)
    except HiveMindError as error:
        return failed(ECHO, error, "is the agent (OVOS) behind the hub running?")


_SAY = "`--utterance TEXT` says something and shows the answer"
