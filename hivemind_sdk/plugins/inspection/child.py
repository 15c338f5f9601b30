"""The process of one plugin: what it prints goes nowhere, its report goes to whoever asked, and then this ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from ..loader import load_one
from ..records import KINDS, Origin
from .facts import line_of, read_origin

_GRACE = 2.0
"""seconds that the asking process has to end this one itself"""


def main(request: str, limit: float) -> None:
    """Import the plugin that `facts.written` wrote, and report what it provides."""
    report_on(request, limit, _look)


def report_on(request: str, limit: float, work: Callable[[Origin], bytes]) -> None:
    """Report what `work` says of the plugin that `facts.written` wrote, and exit at once, whatever is left running.

    After `limit` seconds this ends by itself, since whoever asked may have been killed.
    """
    report, mine = _taken(), os.getpid()
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, limit + _GRACE)
    sys.argv = ["hivemind-client"]
    line = work(read_origin(request))
    if os.getpid() == mine:  # not where the plugin has forked
        answer = memoryview(line)
        while answer:
            answer = answer[os.write(report, answer) :]
    os._exit(0)


def _look(origin: Origin) -> bytes:
    return line_of(load_one(origin, frozenset(KINDS)), origin, *_source(origin))


def _taken() -> int:
    """-> standard output as a file of its own; what is printed from now on goes nowhere"""
    report, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return report


def _source(origin: Origin) -> tuple[str, str]:
    """-> first line of the module's docstring, its file; empty where there are none"""
    module = sys.modules.get(origin.value.partition(":")[0].strip())
    doc, file = getattr(module, "__doc__", None), getattr(module, "__file__", None)
    lines = doc.strip().splitlines() if isinstance(doc, str) else []
    return lines[0] if lines else "", file if isinstance(file, str) else ""
