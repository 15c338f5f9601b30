"""What was said, brought to its end: recognised, asked, and answered; or kept while there is no link. One thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from hivemind_sdk.delivery import Outcome
from hivemind_sdk.errors import HiveMindError, LinkError, RequestAborted

from .events import Kind, VoiceEvent
from .hub import Hub
from .machine import Heard

LEFT = frozenset({Outcome.SENT, Outcome.CONFIRMED, Outcome.UNCONFIRMED})


class Turns:
    """`answer` returns at once. `done` is called with each turn, `failed` when something of it is lost."""

    def __init__(
        self,
        hub: Hub,
        recognise: Callable[[bytes], str],
        timeout: float,
        *,
        tell: Callable[[VoiceEvent], None],
        done: Callable[[int], None],
        failed: Callable[[], None],
    ) -> None:
        self._hub, self._recognise, self._timeout = hub, recognise, timeout
        self._tell, self._done, self._failed = tell, done, failed
        self._heard: queue.SimpleQueue[Heard | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="voice: turns", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def answer(self, heard: Heard) -> None:
        """In its turn."""
        self._heard.put(heard)

    def close(self) -> None:
        """After the turn that is being answered."""
        self._heard.put(None)

    def _run(self) -> None:
        while (heard := self._heard.get()) is not None:
            try:
                self._answer(heard.pcm)
            except Exception as error:  # noqa: BLE001 - of the hub, or a plugin of somebody else's: the next turn may end better
                hint = error.hint if isinstance(error, HiveMindError) else type(error).__name__
                self._lose(Kind.FAILED, f"{error} ({hint})" if hint else str(error))
            finally:
                self._done(heard.turn)

    def _answer(self, pcm: bytes) -> None:
        try:
            text = self._recognise(pcm)
        except (LinkError, RequestAborted) as error:  # nothing has been done with it, so it may be sent again
            self._keep(pcm, error)
            return
        if not text:
            self._lose(Kind.UNHEARD, "no words were understood")
            return
        self._tell(VoiceEvent(Kind.HEARD, text))
        try:
            self._hub.ask(text, self._timeout)
        except LinkError as error:
            self._keep(text, error)
        except RequestAborted as error:
            self._lose(Kind.DROPPED, f"the link was lost before the answer came: {error}")

    def _keep(self, said: str | bytes, why: HiveMindError) -> None:
        """As the delivery policy says."""
        try:
            receipt: Any = self._hub.later(said)
        except LinkError:
            self._lose(Kind.DROPPED, f"{why}; the delivery policy keeps nothing")
            return
        if not receipt.final:
            self._tell(VoiceEvent(Kind.KEPT, str(why)))
            self._failed()
        outcome = self._hub.outcome(receipt, self._timeout)
        if outcome not in LEFT:
            self._lose(Kind.DROPPED, receipt.reason or str(why))

    def _lose(self, kind: Kind, text: str) -> None:
        self._tell(VoiceEvent(kind, text))
        self._failed()
