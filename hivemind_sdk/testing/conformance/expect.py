"""How a check says what it found: a sentence that the author of a plugin can act on."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ...errors import HiveMindError
from .bounded import bounded, start

T = TypeVar("T")


@dataclass
class Refusal:
    """What `refused` caught."""

    error: HiveMindError = field(default_factory=HiveMindError)


def must(holds: object, text: str) -> None:
    """`text` says what is wrong where it does not hold. An assertion that `python -O` keeps."""
    if not holds:
        raise AssertionError(text)


def same(got: object, wanted: object, what: str) -> None:
    must(got == wanted, f"{what}: {_short(got)} instead of {_short(wanted)}")


@contextmanager
def refused(what: str, *kinds: type[HiveMindError]) -> Iterator[Refusal]:
    """The body must raise one of these."""
    wanted = " or ".join(kind.__name__ for kind in kinds)
    caught = Refusal()
    try:
        yield caught
    except kinds as error:
        caught.error = error
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"{what}: raised {_named(error)} instead of {wanted}") from error
    else:
        raise AssertionError(f"{what}: did not raise {wanted}")


@contextmanager
def ours_alone(what: str) -> Iterator[Refusal]:
    """The body may raise our own errors, and no others."""
    caught = Refusal()
    try:
        yield caught
    except HiveMindError as error:
        caught.error = error
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"{what}: raised {_named(error)}, which is no error of ours") from error


def at_once(work: Callable[[], T], what: str, seconds: float) -> T:
    """Do it in a thread; it must be done within these seconds. -> what it returns"""
    return bounded(work, seconds, what)


def together(works: Sequence[Callable[[], Any]], what: str, seconds: float) -> list[Any]:
    """All of them at the same time, each in a thread. -> what they return; the first error is raised"""
    return [one.join(seconds) for one in [start(work, what) for work in works]]


def hides(secrets: Sequence[str | bytes], what: str, *texts: object) -> None:
    """None of the secrets is to be seen in these, in no notation that people print them in."""
    shown = "\n".join(text if isinstance(text, str) else f"{text!r}\n{text}" for text in texts)
    for secret in secrets:
        found = [notation for notation in _notations(secret) if notation in shown]
        must(not found, f"{what} shows a secret")


def told(error: BaseException | None) -> Iterator[object]:
    """All that a log of this error would show: itself, its hint, its causes."""
    while error is not None:
        yield from (error, getattr(error, "hint", ""), *error.args)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _notations(secret: str | bytes) -> Iterator[str]:
    data = secret.encode() if isinstance(secret, str) else secret
    yield from (data.hex(), base64.b64encode(data).decode(), repr(data)[2:-1])
    if isinstance(secret, str):
        yield secret


def _named(error: Exception) -> str:
    return f"{type(error).__name__} ({_short(str(error))})"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}… ({len(text)} characters)"
