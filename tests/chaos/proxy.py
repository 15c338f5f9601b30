"""A TCP proxy that harms what passes: delays, splits, coalesces, truncates, corrupts, duplicates, half-closes, resets,
goes silent. All from a seed.

A fault happens to a piece of traffic while it is passed on, never to an idle link: so each one counted has met traffic.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable

CHUNK = 16384
HARMLESS = ("delay", "split", "coalesce")
"""after these the link must go on"""
HARMFUL = ("truncate", "corrupt", "duplicate", "half-close", "reset", "silence")
KINDS = HARMLESS + HARMFUL
_NO_LINGER = struct.pack("ii", 1, 0)


class FaultProxy:
    """Listens on a loopback port and passes on to `target`, with faults of these `kinds`.

    A fault comes after a random number of pieces, `every` on average; `silence` and `delay` last that many seconds at
    most. `faults` counts them by (kind, direction). `calm` stops them. A context manager.
    """

    def __init__(
        self,
        target: tuple[str, int],
        seed: int,
        *,
        kinds: tuple[str, ...] = KINDS,
        every: float = 20.0,
        delay: float = 0.05,
        silence: float = 1.0,
    ) -> None:
        self.target = target
        self.faults: Counter[tuple[str, str]] = Counter()
        self.links = 0
        self._kinds = kinds
        self._every = every
        self._delay = delay
        self._silence = silence
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._calm = False
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.close()
        with self._lock:
            left = list(self._open)
        for one in left:
            _shut(one)

    @property
    def injected(self) -> int:
        return sum(self.faults.values())

    def calm(self) -> None:
        """No more faults: what is passed on from now on arrives."""
        self._calm = True

    # --- a link ---

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self.target, 2.0)
            except OSError:  # the target is down: so is its proxy
                near.close()
                continue
            far.settimeout(None)
            self.links += 1
            with self._lock:
                self._open |= {near, far}
            link = _Link(near, far)
            for source, sink, way in ((near, far, "up"), (far, near, "down")):
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pump = threading.Thread(target=self._pump, args=(link, source, sink, way), name=f"proxy-{way}")
                pump.daemon = True
                pump.start()

    def _pump(self, link: _Link, source: socket.socket, sink: socket.socket, way: str) -> None:
        left = self._until_next()
        try:
            while piece := source.recv(CHUNK):
                if link.silent.is_set():
                    continue
                left -= 1
                if left > 0 or self._calm:
                    sink.sendall(piece)
                    continue
                left = self._until_next()
                with self._lock:
                    kind = self._random.choice(self._kinds)
                    self.faults[kind, way] += 1
                if not _FAULTS[kind](self, link, source, sink, piece):
                    break
        except OSError:
            pass
        link.end_of(sink)
        with self._lock:
            self._open -= link.closed

    def _until_next(self) -> int:
        with self._lock:
            return 1 + int(self._random.expovariate(1 / self._every))

    # --- faults: what is done with a piece; -> whether this direction goes on ---

    def _late(self, _link: _Link, _source: socket.socket, sink: socket.socket, piece: bytes) -> bool:
        self._over.wait(self._random.uniform(0, self._delay))
        sink.sendall(piece)
        return True

    def _split(self, _link: _Link, _source: socket.socket, sink: socket.socket, piece: bytes) -> bool:
        for at in range(0, len(piece), step := max(1, len(piece) // 7)):
            sink.sendall(piece[at : at + step])
            self._over.wait(0.001)
        return True

    def _coalesce(self, _link: _Link, source: socket.socket, sink: socket.socket, piece: bytes) -> bool:
        self._over.wait(0.02)
        with contextlib.suppress(BlockingIOError):
            piece += source.recv(8 * CHUNK, socket.MSG_DONTWAIT)
        sink.sendall(piece)
        return True

    def _truncate(self, link: _Link, _source: socket.socket, sink: socket.socket, piece: bytes) -> bool:
        sink.sendall(piece[: len(piece) // 2])
        link.close()
        return False

    def _corrupt(self, _link: _Link, _source: socket.socket, sink: socket.socket, piece: bytes) -> bool:
        harmed = bytearray(piece)
        harmed[self._random.randrange(len(harmed))] ^= 1 << self._random.randrange(8)
        sink.sendall(harmed)
        return True

    def _duplicate(self, _link: _Link, _source: socket.socket, sink: socket.socket, piece: bytes) -> bool:
        sink.sendall(piece + piece)
        return True

    def _half_close(self, _link: _Link, _source: socket.socket, sink: socket.socket, piece: bytes) -> bool:
        sink.sendall(piece)
        return False  # and the other direction goes on, as long as somebody writes there

    def _reset(self, link: _Link, _source: socket.socket, sink: socket.socket, piece: bytes) -> bool:
        sink.sendall(piece)
        link.close(reset=True)
        return False

    def _go_silent(self, link: _Link, _source: socket.socket, _sink: socket.socket, _piece: bytes) -> bool:
        link.silent.set()
        self._over.wait(self._silence)
        link.close()
        return False


class _Link:
    """The two sockets of one connection through the proxy."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.silent = threading.Event()
        self.closed: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._reset = False
        self._ends = {near, far}
        self._over: set[socket.socket] = set()

    def end_of(self, sink: socket.socket) -> None:
        """Nothing more goes to `sink`. The second time both sockets are closed."""
        if not self._reset:  # that would be an orderly end
            _shut(sink, socket.SHUT_WR)
        with self._lock:
            self._over.add(sink)
            if self._over < self._ends:
                return
        for one in self._ends:
            one.close()
            self.closed.add(one)

    def close(self, *, reset: bool = False) -> None:
        """End both directions at once; the two pumps, woken, close the sockets. That is when a reset is sent."""
        self._reset = reset
        for one in self._ends:
            if reset:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            _shut(one, socket.SHUT_RD if reset else socket.SHUT_RDWR)


def _shut(one: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    """Wakes whoever waits on it, too."""
    with contextlib.suppress(OSError):
        one.shutdown(how)


_FAULTS: dict[str, Callable[[FaultProxy, _Link, socket.socket, socket.socket, bytes], bool]] = {
    "delay": FaultProxy._late,
    "split": FaultProxy._split,
    "coalesce": FaultProxy._coalesce,
    "truncate": FaultProxy._truncate,
    "corrupt": FaultProxy._corrupt,
    "duplicate": FaultProxy._duplicate,
    "half-close": FaultProxy._half_close,
    "reset": FaultProxy._reset,
    "silence": FaultProxy._go_silent,
}
