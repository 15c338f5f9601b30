"""What is said and in which order: one thread that has texts synthesized and plays them, and sounds before them."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from .players import Player

_AGAIN = 0.5
"""seconds after which it asks again whether it may speak, told or not"""


@dataclass(frozen=True)
class Speech:
    """A text to be said. `listen`: an answer to it is expected."""

    text: str
    lang: str = ""
    listen: bool = False


_GOODBYE = 1.0
"""seconds for its thread to end; one that waits for the hub ends with that request"""


class Stage(Protocol):
    """Who is told when something is said, and may object."""

    def synthesized(self, speech: Speech) -> bytes | None:
        """Its samples; None if it can't be said. Raises nothing."""

    def may_speak(self) -> bool:
        """Whether nobody would be talked over."""

    def began(self, speech: Speech) -> bool:
        """It is said now. False: not yet."""

    def ended(self, *, listen: bool) -> None:
        """All has been said."""

    def rested(self) -> None:
        """There is nothing to play for now."""

    def failed(self, error: Exception) -> None:
        """A player raised this."""


class Speaker:
    """`say`, `sound` and `silence` return at once."""

    def __init__(self, player: Player, stage: Stage, volume: int) -> None:
        self.volume = volume
        """0 to 100"""
        self._player, self._stage = player, stage
        self._speeches: deque[Speech] = deque()
        self._sounds: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._cleared = 0
        self._busy = self._closed = False
        self._talking: Speech | None = None
        """what was said last, until it was told that all is said"""
        self._thread = threading.Thread(target=self._run, name="voice: speaker", daemon=True)

    def start(self) -> None:
        """Begin to play."""
        self._thread.start()

    def say(self, speech: Speech) -> None:
        """After what is being said already."""
        with self._changed:
            self._speeches.append(speech)
            self._changed.notify_all()

    def sound(self, pcm: bytes) -> None:
        """As soon as nothing plays."""
        with self._changed:
            self._sounds.append(pcm)
            self._changed.notify_all()

    def silence(self) -> None:
        """Stop what plays, and forget what waits."""
        with self._changed:
            self._speeches.clear()
            self._cleared += 1
            self._stop.set()

    def wake(self) -> None:
        """It may be allowed to speak now."""
        with self._changed:
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to play."""
        with self._changed:
            return not (self._busy or self._speeches or self._sounds)

    def wait_idle(self, timeout: float) -> bool:
        """Until there is nothing to play, or for `timeout` seconds. -> whether it is so"""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._busy or self._speeches or self._sounds), timeout)

    def close(self) -> None:
        """Stop what plays, and the thread."""
        self.silence()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(_GOODBYE)
        self._player.close()

    # --- on its thread ---

    def _run(self) -> None:
        while (next_one := self._next()) is not None:
            what, cleared = next_one
            try:
                if isinstance(what, bytes):
                    self._player.play(what, self._volume, self._stop)
                else:
                    self._speak(what, cleared)
            except Exception as error:  # noqa: BLE001 - a player or a plugin of somebody else's; the next text may be said
                self._stage.failed(error)
            self._end()

    def _next(self) -> tuple[Speech | bytes, int] | None:
        def ready() -> bool:
            return bool(self._closed or self._sounds or (self._speeches and self._stage.may_speak()))

        with self._changed:
            self._busy = False
            self._changed.notify_all()
        self._stage.rested()
        with self._changed:
            self._changed.wait_for(ready)
            if self._closed:
                return None
            self._busy = True
            self._stop.clear()
            return (self._sounds or self._speeches).popleft(), self._cleared

    def _speak(self, speech: Speech, cleared: int) -> None:
        pcm = self._stage.synthesized(speech)
        if pcm is None:
            return
        while not self._stage.began(speech):
            with self._changed:
                if self._closed or self._cleared != cleared:
                    return
                self._changed.wait(_AGAIN)
        self._talking = speech
        if self._cleared == cleared:
            self._player.play(pcm, self._volume, self._stop)

    def _end(self) -> None:
        """Tell that all has been said, if nothing more is to be said."""
        with self._changed:
            said, more = self._talking, bool(self._speeches)
        if said is not None and not more:
            self._talking = None
            self._stage.ended(listen=said.listen and not self._stop.is_set())

    def _volume(self) -> float:
        return self.volume / 100
