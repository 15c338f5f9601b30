"""One case while it runs: its fields, what it is compared with, and the differences that were found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hivemind_sdk.errors import HiveMindError

from .engine import Engine
from .fields import CaseProblem, Fields, canonical

SHOWN = 60
"""characters of a value that a difference shows"""


@dataclass
class Case:
    """What a kind's runner is given. `keys` and `generations` are those of the file."""

    fields: Fields
    engine: Engine
    keys: Fields
    generations: tuple[str, ...]
    differences: list[str] = field(default_factory=list)
    on_purpose: list[str] = field(default_factory=list)
    """why our expectation is not the recorded one, where it is not"""
    note: str = ""
    """what was found where the file leaves it open"""

    def same(self, what: str, expected: Any, got: Any) -> None:
        """Assert that two JSON values are equal, types included."""
        if canonical(expected) != canonical(got):
            self.differences.append(f"{what}: {difference(expected, got)}")

    def true(self, what: str, holds: bool) -> None:
        """Assert what is no comparison; `what` is the difference to be shown."""
        if not holds:
            self.differences.append(what)

    def refused(self, what: str, action: Callable[[], Any]) -> None:
        """Assert that the engine refuses with an error of its own."""
        try:
            action()
        except HiveMindError:
            return
        self.differences.append(f"{what}: accepted, but has to be refused")

    def key(self, name: str) -> Fields:
        """The key pair `name` of the file: bits, private_pem, public_pem."""
        if name not in self.keys:
            raise CaseProblem(f"the file has no key {name!r}")
        return self.keys.part(name)


def difference(expected: Any, got: Any) -> str:
    """Both values, cut to the neighbourhood of where they part."""
    left, right = canonical(expected), canonical(got)
    start = next((i for i, (a, b) in enumerate(zip(left, right)) if a != b), min(len(left), len(right)))  # noqa: B905
    start = max(0, start - SHOWN // 3)
    return f"expected {_window(left, start)}, got {_window(right, start)}"


def _window(text: str, start: int) -> str:
    shown = text[start : start + SHOWN]
    return ("…" if start else "") + shown + ("…" if start + SHOWN < len(text) else "")
