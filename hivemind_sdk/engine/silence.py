"""Probes by sealed messages, for transports whose features state a `silence`: when to send one, what its answer means.

No clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..errors import LinkClosed


class SilenceWatch:
    """Feed it what is sent and heard, with the time (monotonic seconds). Asks for a probe after too long a silence.

    Silence in either direction counts: a far end that hears nothing forgets the link, and one that says nothing may be
    gone. A probe is a message without effect that the hub answers; its answer says that all before it has arrived.
    """

    __slots__ = (
        "_answer_within",
        "_arrivals",
        "_asked",
        "_heard",
        "_sent",
        "_silence",
    )

    def __init__(self, now: float, silence: float, answer_within: float) -> None:
        """`silence`: seconds without a frame, in one direction, until a probe. `answer_within`: seconds for any frame
        after it.
        """
        self._silence = silence
        self._answer_within = answer_within
        self._sent = self._heard = now
        self._asked: float | None = None
        self._arrivals: deque[Callable[[], object]] = deque()

    def sent(self, now: float) -> None:
        """A message went out."""
        self._sent = now

    def asked(self, now: float, arrived: Callable[[], object]) -> None:
        """A probe goes out. `arrived`: called when it is answered."""
        self._arrivals.append(arrived)
        self._sent = now
        if self._asked is None:
            self._asked = now

    def heard(self, now: float) -> float:
        """A frame came in. Returns `next_deadline`."""
        self._heard, self._asked = now, None
        return min(self._sent, now) + self._silence

    @property
    def waits(self) -> bool:
        """Whether a probe is out."""
        return bool(self._arrivals)

    def answered(self) -> bool:
        """What may be the answer to a probe came in. -> whether it is one"""
        if not self._arrivals:
            return False
        self._arrivals.popleft()()
        return True

    @property
    def next_deadline(self) -> float:
        """When `passed` has something to say."""
        if self._asked is not None:
            return self._asked + self._answer_within
        return min(self._sent, self._heard) + self._silence

    def passed(self, now: float) -> bool:
        """-> whether a probe is to be sent now. Raises LinkClosed where the one before has not been answered."""
        if now < self.next_deadline:
            return False
        if self._asked is not None:
            raise LinkClosed(f"the hub has not answered for {now - self._asked:.0f} s", code=1006)
        return True
