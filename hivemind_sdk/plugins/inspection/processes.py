"""One line from each of many processes, a few at a time, within a time and a length; nothing of them stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import IO, cast

from ..._startup import dataclass
from ...sockets.daemons import daemon

AT_ONCE = 2
_LONGEST = 1_000_000
"""bytes of a line"""
_LAST_WORDS = 1.0
"""seconds to end in, after closing the pipe"""


@dataclass(frozen=True, slots=True)
class Answer:
    """`line` without its end; where there is none, `failure` says why."""

    line: bytes = b""
    failure: str = ""


def ask(commands: Sequence[Sequence[str]], limit: float) -> list[Answer]:
    """Run each for at most `limit` seconds, and read the line that it prints. -> answers, in the same order

    They get no input, stderr goes nowhere, and those that they have started end with them.
    """
    answers: list[Answer] = [Answer()] * len(commands)
    lines: SimpleQueue[tuple[int, bytes]] = SimpleQueue()
    running: dict[int, _Process] = {}
    waiting = list(enumerate(commands))[::-1]
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                number, command = waiting.pop()
                running[number] = _Process(number, command, lines, time.monotonic() + limit)
            nearest = min(one.deadline for one in running.values())
            with suppress(Empty):
                number, line = lines.get(timeout=max(0.0, nearest - time.monotonic()))
                if number in running:
                    answers[number] = running.pop(number).ended(line)
            for number in [one for one in running if running[one].deadline <= time.monotonic()]:
                running.pop(number).kill()
                answers[number] = Answer(failure=f"it hangs: nothing came within {limit:g} s")
    finally:
        for process in running.values():
            process.kill()
    return answers


class _Process:
    """One that runs; a thread waits for its line, since no system can wait for all kinds of pipes."""

    def __init__(
        self, number: int, command: Sequence[str], lines: SimpleQueue[tuple[int, bytes]], deadline: float
    ) -> None:
        self.deadline = deadline
        self._popen = subprocess.Popen(  # noqa: S603 - of our own interpreter
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # a group of its own, to be ended as one
        )
        # a daemon: a process that has left its group may hold the pipe for ever
        daemon("inspection", partial(_read, number, cast("IO[bytes]", self._popen.stdout), lines)).start()

    def ended(self, line: bytes) -> Answer:
        """What this line means; it is whole if it has its end."""
        if line.endswith(b"\n"):
            self.kill()
            return Answer(line)
        if len(line) >= _LONGEST:
            self.kill()
            return Answer(failure=f"it reports more than {_LONGEST} bytes")
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_LAST_WORDS)
        code = self._popen.returncode
        self.kill()
        return Answer(failure=f"it ends the process that imports it{_how(code)}")

    def kill(self) -> None:
        """End it, and all that it has started and that is still in its group."""
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._popen.pid, signal.SIGKILL)
            else:
                self._popen.kill()
        self._popen.wait()


def _read(number: int, pipe: IO[bytes], lines: SimpleQueue[tuple[int, bytes]]) -> None:
    """Put what comes up to the end of a line, of the pipe or of patience; the rest is never read."""
    line = bytearray()
    with pipe:
        while len(line) < _LONGEST and not line.endswith(b"\n"):
            data = pipe.read(65536)
            if not data:
                break
            line += data
    lines.put((number, bytes(line)))


def _how(code: int | None) -> str:
    if code is None:
        return ""
    if code >= 0:
        return f" (exit code {code})"
    try:
        return f" ({signal.Signals(-code).name})"
    except ValueError:
        return f" (signal {-code})"
