"""Programs that are run when a bus message comes: never by a shell, so many at once, each for so long."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ...sockets.daemons import daemon
from .placeholders import Unfilled, filled
from .program import CommandTable

if TYPE_CHECKING:
    from ...messages import BusMessage
    from ...satellite.satellite import Satellite

log = logging.getLogger(__name__)
_GRACE = 2.0
"""seconds from SIGTERM to SIGKILL"""
_NOT_FOR_COMMANDS = ("HIVEMIND_", "NOTIFY_SOCKET", "WATCHDOG_", "CREDENTIALS_DIRECTORY")


class BusCommand:
    """One [[commands]] on one satellite. Messages come on a thread for callbacks; each run has a thread of its own."""

    def __init__(self, table: CommandTable, secret_variables: Collection[str] = ()) -> None:
        self._table = table
        self._secret_variables = frozenset(secret_variables)
        self._changed = threading.Condition()
        self._waiting: deque[tuple[list[str], bytes]] = deque()
        self._running: dict[threading.Thread, subprocess.Popen[bytes] | None] = {}
        self._closed = False

    def start(self, satellite: Satellite) -> None:
        self._subscription = satellite.on_bus(self._table.on, self._heard)

    def close(self, timeout: float = 5.0) -> None:
        """Stop listening, forget what waits, and end what runs."""
        self._subscription.cancel()
        end = time.monotonic() + timeout
        with self._changed:
            self._closed = True
            self._waiting.clear()
            running = dict(self._running)
        for process in running.values():
            if process is not None:
                _signal(process, signal.SIGTERM)
        for thread in running:
            thread.join(max(0.0, end - time.monotonic()))

    def _heard(self, message: BusMessage) -> None:
        table = self._table
        try:
            arguments = filled(table.run, message.data)
        except Unfilled as reason:
            log.warning("%s does not run %s: %s", message.msg_type, table.run[0], reason)
            return
        job = (arguments, json.dumps(message.data).encode() if table.stdin else b"")
        with self._changed:
            if self._closed:
                return
            if len(self._running) < table.at_once:
                thread = daemon(f"command-{table.on}", partial(self._work, job))
                self._running[thread] = None
                thread.start()
            elif len(self._waiting) < table.waiting:
                self._waiting.append(job)
            else:
                log.warning(
                    "%s does not run %s: %d run, and %d wait", table.on, table.run[0], table.at_once, table.waiting
                )

    def _work(self, job: tuple[list[str], bytes] | None) -> None:
        while job is not None:
            self._run(*job)
            with self._changed:
                job = self._waiting.popleft() if self._waiting else None
                if job is None:  # with the lock held: a message that comes now starts a new thread
                    del self._running[threading.current_thread()]

    def _run(self, arguments: list[str], data: bytes) -> None:
        name = arguments[0]
        try:
            process = subprocess.Popen(  # noqa: S603 - a list that the owner of the file wrote; no shell
                arguments,
                stdin=subprocess.PIPE if data else subprocess.DEVNULL,
                env=self._environment(os.environ),
                start_new_session=True,
            )
        except OSError as error:
            log.error("%s can't be run: %s", name, error.strerror)  # noqa: TRY400
            return
        with self._changed:
            self._running[threading.current_thread()] = process
            if self._closed:
                _signal(process, signal.SIGTERM)
        try:
            process.communicate(data or None, self._table.timeout)
        except subprocess.TimeoutExpired:
            log.warning("%s takes longer than %g s, and is ended", name, self._table.timeout)
            _signal(process, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
            _signal(process, signal.SIGKILL)
            process.communicate()
        if process.returncode and not self._closed:
            log.warning("%s ended with %d", name, process.returncode)

    def _environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Without what is the satellite's own, its secrets above all."""
        return {
            name: value
            for name, value in environ.items()
            if not name.startswith(_NOT_FOR_COMMANDS) and name not in self._secret_variables
        }


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the program and what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
