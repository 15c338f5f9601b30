"""Servers that are none: a port where nothing listens, one that says nothing, one that talks nonsense."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def dead_port() -> int:
    """A loopback port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@contextmanager
def talking_server(text: bytes, *, stays: bool = False) -> Iterator[int]:
    """Says `text` to whoever connects and hangs up, or (`stays`) goes on reading. Gives its port."""
    server = socket.create_server(("127.0.0.1", 0))
    opened: list[socket.socket] = []
    thread = threading.Thread(target=_serve, args=(server, text, stays, opened), daemon=True)
    thread.start()
    try:
        yield int(server.getsockname()[1])
    finally:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        for sock in opened:
            sock.close()
        thread.join(1.0)


def _serve(server: socket.socket, text: bytes, stays: bool, opened: list[socket.socket]) -> None:
    with suppress(OSError):
        while True:
            sock, _ = server.accept()
            opened.append(sock)
            with suppress(OSError):
                sock.sendall(text)
                if not stays:
                    sock.shutdown(socket.SHUT_WR)
                    sock.settimeout(0.2)
                    while sock.recv(1 << 16):
                        pass
            if not stays:
                sock.close()
