"""What all contracts share: checks with a time limit, what they clean up, and a run without pytest."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from enum import Enum
from functools import partial, wraps
from pathlib import Path
from typing import ClassVar, NoReturn, TypeVar
from unittest import SkipTest  # pytest takes it for a skip, too

from .bounded import bounded

C = TypeVar("C", bound="Contract")
T = TypeVar("T")


class Outcome(str, Enum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """it asks for what this implementation says that it does not do"""

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class Result:
    """One check of a `run`. `reason` says why it failed or was skipped; `seconds` is how long it took."""

    contract: str
    check: str
    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Nothing is wrong: it passed, or there was nothing to check."""
        return self.outcome is not Outcome.FAILED


class Contract:
    """Inherit from one of its children in a test module, as `class TestMine(...)`, and override what makes yours.

    pytest runs the methods `test_...`; `run` does the same without pytest.
    """

    limit: ClassVar[float] = 60.0
    """seconds that one check may take: one that hangs fails then"""
    patience: ClassVar[float] = 10.0
    """seconds for what must happen at once, on a machine that is busy"""

    def setup_method(self) -> None:
        """Before each check; pytest calls it."""
        self._stack = ExitStack()
        self._folder: Path | None = None

    def teardown_method(self) -> None:
        """After each check; pytest calls it."""
        self.clean_up()

    def clean_up(self) -> None:
        """Close what the check opened. What does not close within `limit` seconds is left behind, and fails it."""
        self._folder = None
        bounded(self._stack.close, self.limit, "closing what the check opened")

    @property
    def folder(self) -> Path:
        """An empty folder, for this check alone."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="hivemind-conformance-"))
            self.after(partial(shutil.rmtree, self._folder, ignore_errors=True))
        return self._folder

    def after(self, clean_up: Callable[[], object]) -> None:
        """Call this when the check is over, in reverse order."""
        self._stack.callback(clean_up)

    def entered(self, context: AbstractContextManager[T]) -> T:
        """Enter it now, leave it when the check is over."""
        return self._stack.enter_context(context)

    @classmethod
    def checks(cls) -> tuple[str, ...]:
        """The names of all checks, in the order in which they are written."""
        names = (name for one in reversed(cls.__mro__) for name in vars(one) if name.startswith("test_"))
        return tuple(name for name in dict.fromkeys(names) if callable(getattr(cls, name)))


def check(method: Callable[[C], None]) -> Callable[[C], None]:
    """Mark a check: it fails when it takes longer than the contract's `limit`."""

    @wraps(method)
    def limited(self: C) -> None:
        bounded(lambda: method(self), self.limit, "the check")

    return limited


def skip(reason: str) -> NoReturn:
    """This check asks for what the implementation does not do."""
    raise SkipTest(reason)


def run(contract: Contract | type[Contract], checks: Collection[str] | None = None) -> list[Result]:
    """All checks of a contract (or those named), each bounded. Never raises for what the implementation does."""
    kind = contract if isinstance(contract, type) else type(contract)
    return [_run_one(contract, name) for name in kind.checks() if checks is None or name in checks]


def failures(results: Iterable[Result]) -> list[str]:
    """One line for each check that failed."""
    return [f"{one.contract}.{one.check}: {one.reason}" for one in results if not one.passed]


def _run_one(contract: Contract | type[Contract], name: str) -> Result:
    started = time.perf_counter()
    outcome, reason = Outcome.PASSED, ""
    one = contract() if isinstance(contract, type) else contract
    one.setup_method()
    for step in (getattr(one, name), one.teardown_method):
        try:
            step()
        except KeyboardInterrupt:
            raise
        except SkipTest as skipped:
            outcome, reason = Outcome.SKIPPED, str(skipped)
        except BaseException as error:  # noqa: BLE001  SystemExit of a plugin, too
            if outcome is not Outcome.FAILED:
                outcome, reason = Outcome.FAILED, _reason(error)
    return Result(type(one).__name__, name, outcome, reason, time.perf_counter() - started)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())[:500]
    return text if isinstance(error, AssertionError) and text else f"{type(error).__name__}: {text}"
