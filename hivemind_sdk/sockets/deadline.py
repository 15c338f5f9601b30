"""One deadline for all phases of opening a link, and a hint for the phase that timed out."""

from __future__ import annotations

import time

from ..errors import LinkTimeout


class Deadline:
    """A deadline shared by several phases. `at`: when it ends, in seconds of `time.monotonic()`."""

    def __init__(self, seconds: float) -> None:
        """Starts now and ends in `seconds`."""
        self.at = time.monotonic() + seconds
        self._seconds = seconds

    def left(self, phase: str, share: int = 1) -> float:
        """Seconds that remain, divided by `share`. Raises LinkTimeout(phase) where none do."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise self.timeout(phase)
        return left / share

    def timeout(self, phase: str) -> LinkTimeout:
        """The error to raise for a phase that timed out, with a hint for the phases that are known here."""
        return hung(phase, self._seconds)


def hung(phase: str, seconds: float) -> LinkTimeout:
    """The error for a phase in which these seconds were over."""
    return LinkTimeout(f"no link within {seconds:g} s: it hung at {phase}", phase=phase, hint=_HINTS.get(phase, ""))


_HINTS = {
    "resolve": "the name server does not answer: check the network, or give the hub's IP address",
    "connect": "the hub's machine does not answer: check host and port, and the firewall between",
    "proxy": "the HTTP proxy does not answer: check its address",
    "tls": "something listens there that does not speak TLS: check the port, or use ws:// instead of wss://",
    "upgrade": "something listens there that does not answer like a hub: check the port; if it speaks TLS, use wss://",
}
