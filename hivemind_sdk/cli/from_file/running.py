"""The life of a satellite from a file: it runs until a signal stops it, is reloaded by SIGHUP, and tells systemd."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path

from ...client.run import OVER, STOPS, signals
from ...contracts.status import FINAL, Status
from ...errors import HiveMindError
from .assembling import Running
from .loading import load_program
from .notify import Notifier
from .program import Program
from .reading import Problem

log = logging.getLogger(__name__)
RELOAD = getattr(signal, "SIGHUP", None)
"""None on Windows"""


def run_program(program: Program, app: str | None = None) -> None:
    """Blocks until SIGTERM or SIGINT. On the main thread.

    Raises what keeps the program from being assembled, and the error with which the hub refused or that ended the link
    for good.
    """
    logging.getLogger().setLevel(program.log_level.upper())
    _Life(program, app).run()


class _Life:
    """One run, over any number of reloads."""

    def __init__(self, program: Program, app: str | None) -> None:
        self._app = app
        self._notifier = Notifier()
        self._wake: Callable[[], None] = lambda: None
        self._news: list[tuple[Running, Status]] = []
        self._running = Running(program)

    def run(self) -> None:
        number: int | None = None
        try:
            with signals(*STOPS, *([RELOAD] if RELOAD else [])) as (self._wake, wait):
                self._begin()
                self._notifier.ready()
                beat = self._beat(0.0)
                while (number := wait(max(0.0, beat - time.monotonic()) if beat else None)) not in STOPS:
                    if number == OVER:
                        self._tell_news()
                    elif number is not None:
                        self._reload()
                    beat = self._beat(beat)
        finally:  # a second signal has its usual effect
            self._notifier.stopping()
            self._running.close(self._running.program.drain if number in STOPS else 0.0)

    def _begin(self) -> None:
        running = self._running

        def changed(status: Status) -> None:
            self._news.append((running, status))
            self._wake()

        running.satellite.on_state(changed, inline=True)
        running.satellite.start()

    def _tell_news(self) -> None:
        """Raises the cause of an end that is final."""
        while self._news:
            running, status = self._news.pop(0)
            if running is not self._running:
                continue
            self._notifier.status(_text(status))
            if status.state in FINAL and status.cause is not None:
                raise status.cause

    def _beat(self, due: float) -> float:
        """Tell the watchdog if it is time. -> when the next time is; 0: never"""
        period = self._notifier.period
        if period is None:
            return 0.0
        if (now := time.monotonic()) < due:
            return due
        self._notifier.alive()
        return now + period

    def _reload(self) -> None:
        """The file is read again. What is wrong with it is logged, and all stays as it was."""
        self._notifier.reloading()
        path = self._running.program.path
        try:
            loaded = load_program(path, self._app)
        except HiveMindError as error:
            log.error("not reloaded: %s", error)  # noqa: TRY400
        else:
            for problem in loaded.problems:
                log.log(logging.WARNING if problem.warning else logging.ERROR, "%s", told(path, problem))
            if loaded.program is not None:
                self._take(loaded.program)
            else:
                log.error("not reloaded: %s has errors, so all stays as it was", path)
        self._notifier.ready()
        self._notifier.status(_text(self._running.satellite.status))

    def _take(self, program: Program) -> None:
        logging.getLogger().setLevel(program.log_level.upper())
        before = self._running
        if before.keeps_link(program):
            changed = before.take(program)
            log.info("reloaded on the same link: %s", ", ".join(changed) or "nothing has changed")
            return
        log.info("reloaded with a new link: the satellite is made anew")
        before.close(program.drain)
        try:
            self._running = Running(program)
        except HiveMindError as error:
            log.error("%s; the satellite goes on as before the reload", error)  # noqa: TRY400
            self._running = Running(before.program)
        self._begin()


def told(path: Path, problem: Problem) -> str:
    """In one line, as compilers do."""
    key = f"{problem.key}: " if problem.key else ""
    return f"{path}:{problem.line}: {key}{problem.text} -> {problem.remedy}"


def _text(status: Status) -> str:
    """For people; without a word of a secret, as all texts of ours."""
    text = str(status)
    return f"{text} ({status.hint})" if status.hint else text
