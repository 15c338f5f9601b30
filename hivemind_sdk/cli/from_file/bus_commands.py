"""Programs that are run when a bus message comes: never by a shell, so many at once, each for so long."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ...threads.pool import Workers
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
    """One [[commands]] on one satellite. Messages come one by one on a thread for callbacks; the programs have threads
    of their own, as many as may run at once.
    """

    def __init__(self, table: CommandTable, secret_variables: Collection[str] = ()) -> None:
        self._table = table
        self._secret_variables = frozenset(secret_variables)
        self._workers = Workers(table.at_once)
        self._jobs: dict[object, subprocess.Popen[bytes] | None] = {}
        """those that wait or run, each with its program once there is one"""
        self._closed = False

    def start(self, satellite: Satellite) -> None:
        self._workers.acquire()
        self._subscription = satellite.on_bus(self._table.on, self._heard)

    def close(self, timeout: float = 5.0) -> None:
        """Stop listening, forget what waits, and end what runs."""
        self._subscription.cancel()
        self._closed = True
        for process in list(self._jobs.values()):
            if process is not None:
                _signal(process, signal.SIGTERM)
        self._workers.release(timeout)

    def _heard(self, message: BusMessage) -> None:
        if self._closed:
            return
        table = self._table
        try:
            arguments = filled(table.run, message.data)
        except Unfilled as reason:
            log.warning("%s does not run %s: %s", message.msg_type, table.run[0], reason)
            return
        if len(self._jobs) >= table.at_once + table.waiting:
            log.warning("%s does not run %s: %d run, and %d wait", table.on, table.run[0], table.at_once, table.waiting)
            return
        job, data = object(), json.dumps(message.data).encode() if table.stdin else b""
        self._jobs[job] = None
        self._workers.submit(partial(self._work, job, arguments, data))

    def _work(self, job: object, arguments: list[str], data: bytes) -> None:
        try:
            if not self._closed:
                self._run(job, arguments, data)
        finally:
            del self._jobs[job]

    def _run(self, job: object, arguments: list[str], data: bytes) -> None:
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
        self._jobs[job] = process
        if self._closed:  # and `close` may not have seen it
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
