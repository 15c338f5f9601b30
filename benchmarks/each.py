"""A loop around one call."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any

from worker import Run


def each(call: Callable[[], Any]) -> Run:
    """What calls `call` as often as it is told."""

    def run(number: int) -> None:
        for _ in repeat(None, number):
            call()

    return run
