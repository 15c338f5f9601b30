"""A disk that is full, and programs that do the same thing at the same time: on any POSIX system, by any user."""

from __future__ import annotations

import os
import select
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from .contract import skip


@contextmanager
def full_disk(size: int) -> Iterator[list[str]]:
    """In here, no file of this process can grow beyond `size` bytes: writing fails as on a disk that is full.

    For the whole process: whatever else writes to files meanwhile fails, too. Gives an empty list, for the caller.
    """
    if sys.platform == "win32":
        skip("files can't be limited here")
    else:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        before = _ignore_signal(signal.SIGXFSZ)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield []
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            before()


def in_processes(works: Sequence[Callable[[], Any]], seconds: float) -> None:
    """Each in a process of its own, all at the same time. Raises AssertionError where one fails, or hangs."""
    if not hasattr(os, "fork"):
        skip("processes can't be forked here")
    reading, writing = os.pipe()
    gate, closed = os.pipe()
    children = [_fork(partial(_behind, gate, closed, work), reading, writing) for work in works]
    for descriptor in (writing, gate, closed):  # the last one opens the gate
        os.close(descriptor)
    said = b""
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], seconds)[0]:
            data = pipe.read(4096)
            if not data:  # all of them have ended
                break
            said += data
        else:
            said += b"it hangs"
            for child in children:
                with suppress(OSError):
                    os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    if said:
        raise AssertionError(f"in another process: {said.decode(errors='replace')[:300]}")


def _behind(gate: int, closed: int, work: Callable[[], Any]) -> None:
    """Do the work once the parent has started all of them: one after the other they would not meet."""
    os.close(closed)
    os.read(gate, 1)
    work()


def _fork(work: Callable[[], Any], reading: int, writing: int) -> int:
    with warnings.catch_warnings():  # there are threads: none of them has a lock that the work needs
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    try:
        os.close(reading)
        work()
    except BaseException as error:  # noqa: BLE001  told to the parent
        os.write(writing, traceback.format_exception_only(error)[-1].encode()[:500])
    finally:
        os._exit(0)


def _ignore_signal(number: int) -> Callable[[], object]:
    """Python ignores SIGXFSZ from its start; other threads than the main one can't, and need not, ask for it."""
    with suppress(ValueError):
        return partial(signal.signal, number, signal.signal(number, signal.SIG_IGN))
    return int
