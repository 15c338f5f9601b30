"""Two transports that hand frames to each other in memory: links without sockets, that a test can hold up or cut."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from hivemind_sdk.contracts import Dial, Frame, Transport, TransportFeatures
from hivemind_sdk.errors import LimitExceeded, LinkClosed, LinkError, LinkTimeout
from hivemind_sdk.sockets import encode_text

Acceptor = Callable[[Transport, str, str], object]
"""What serves one link: its transport, the authorization token, the peer's address. Has a thread of its own; when it
returns, the link is closed."""

_ABNORMAL, _TOO_BIG = 1006, 1009


class MemoryTransport:
    """One end. See contracts.Transport; made by `memory_pair`."""

    def __init__(self, changed: threading.Condition, features: TransportFeatures) -> None:
        self.features = features
        self.max_frame = features.max_frame
        self._changed = changed
        self.peer = self
        self._inbox: deque[Frame | Callable[[], object]] = deque()
        """frames, and between them whom to tell that all before has been taken"""
        self._held = False
        self._end: tuple[str, int, str] | None = None
        self._ended_here = False

    def send(self, frame: Frame) -> None:
        _size(frame)
        with self._changed:
            if self._end is not None:
                raise self._closed(self._end)
            self.peer._inbox.append(frame)
            self._changed.notify_all()

    def probe(self, arrived: Callable[[], object]) -> None:
        """See contracts.ProbingTransport. The other end's `receive` calls it."""
        with self._changed:
            if self._end is not None:
                raise self._closed(self._end)
            self.peer._inbox.append(arrived)
            self._changed.notify_all()

    def receive(self, timeout: float | None = None) -> Frame:
        """See contracts.Transport. A frame above `max_frame` closes the link with 1009: LimitExceeded."""
        with self._changed:
            if not self._changed.wait_for(self._has_news, timeout):
                raise LinkTimeout(phase="receive")
            if self._end is not None and (self._ended_here or not self._inbox):
                raise self._closed(self._end)
            frame = self._inbox.popleft()
        if callable(frame):
            frame()
            return self.receive(timeout)
        limit = self.max_frame
        if limit is not None and _size(frame) > limit:
            self.close(_TOO_BIG)
            raise LimitExceeded(f"a frame of {_size(frame)} bytes came, and {limit} are allowed")
        return frame

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:  # noqa: ARG002 never waits
        """See contracts.Transport; at once."""
        with self._changed:
            if self._end is None:
                self._end = "the link was closed by this side", code, reason
                self._ended_here = True
            if self.peer._end is None:
                self.peer._end = "", code, reason
            self._changed.notify_all()

    # --- for tests ---

    def hold(self) -> None:
        """From now on nothing comes out of `receive` here, not even the end, until `release`."""
        with self._changed:
            self._held = True

    def release(self) -> None:
        """What was held back comes out, in order."""
        with self._changed:
            self._held = False
            self._changed.notify_all()

    def lose(self, code: int = _ABNORMAL, reason: str = "") -> None:
        """Cut the link for both ends. What is held back is lost with it."""
        with self._changed:
            for end in (self, self.peer):
                if end._held:
                    end._held = False
                    end._inbox.clear()
                if end._end is None:
                    end._end = "", code, reason
            self._changed.notify_all()

    def wait_closed(self, timeout: float = 5.0) -> bool:
        """Block until this end is closed, by whomever. -> whether it is"""
        with self._changed:
            return self._changed.wait_for(lambda: self._end is not None, timeout)

    def _has_news(self) -> bool:
        return self._ended_here or (not self._held and bool(self._inbox or self._end))

    @staticmethod
    def _closed(end: tuple[str, int, str]) -> LinkClosed:
        text, code, reason = end
        return LinkClosed(text, code=code, reason=reason)


def memory_pair(
    features: TransportFeatures = TransportFeatures(close_codes=True, probes=True),  # noqa: B008 frozen
) -> tuple[MemoryTransport, MemoryTransport]:
    """Both ends of a link; `features` is what they say, and `max_frame` what they allow."""
    changed = threading.Condition()
    one, other = MemoryTransport(changed, features), MemoryTransport(changed, features)
    one.peer, other.peer = other, one
    return one, other


class MemoryConnector:
    """Dials an acceptor in this process (scheme `memory`). `links` has our end of every link, in order."""

    def __init__(
        self,
        accept: Acceptor,
        features: TransportFeatures = TransportFeatures(close_codes=True, probes=True),  # noqa: B008 frozen
    ) -> None:
        self.links: list[MemoryTransport] = []
        self._accept = accept
        self._features = features

    def connect(self, dial: Dial) -> Transport:
        ours, theirs = memory_pair(self._features)
        ours.max_frame = min(dial.max_frame, ours.max_frame or dial.max_frame)
        self.links.append(ours)
        name = f"memory-{len(self.links)}"
        threading.Thread(target=self._serve, args=(theirs, dial.token, name), name=name, daemon=True).start()
        return ours

    def _serve(self, transport: MemoryTransport, token: str, peer: str) -> None:
        with suppress(LinkError):
            self._accept(transport, token, peer)
        transport.close()


def _size(frame: Frame) -> int:
    """Bytes on the wire."""
    return len(frame if isinstance(frame, bytes) else encode_text(frame))
