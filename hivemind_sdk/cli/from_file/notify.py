"""sd_notify: telling systemd what becomes of this program, by datagrams to the socket that it names."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

from ..console import one_line


class Notifier:
    """`period`: seconds between two signs of life that the watchdog wants; None: it wants none.

    Does nothing where no systemd has started this program. What can't be told is not told again.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.period = _period(environ)

    def ready(self) -> None:
        self._tell("READY=1")

    def reloading(self) -> None:
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def alive(self) -> None:
        self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line, for `systemctl status`."""
        self._tell(f"STATUS={one_line(text)}")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(1.0)
            sock.sendto(text.encode(), self._address)


def _period(environ: Mapping[str, str]) -> float | None:
    """Half of what systemd waits."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        micros = int(environ.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return micros / 2e6 if micros > 0 else None
