"""Ports for servers of the tests."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """Below the range from which the system takes ports for clients: nobody has it until the server does, or when the
    server comes back to it.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
