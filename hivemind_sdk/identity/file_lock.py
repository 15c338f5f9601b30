"""Locks for what is changed seldom: `Turn` between threads, `FileLock` between processes that change the same files.

A FileLock is a private lock file, locked by the system, which releases it when its holder ends, however that happens.
The lock file stays: a file that is removed while others wait for it would lock nobody out.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from ..errors import IdentityError
from .private_files import make_folder, owner_of_new

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

_RETRY = 0.01
"""seconds between two attempts to take the lock"""
_BUSY = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}


class _Holder:
    """Who holds a Turn."""

    __slots__ = ("depth", "descriptor", "thread")

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.depth = 0
        """times that the thread has taken it more than once"""
        self.descriptor: int | None = None


class Turn:
    """`with turn:` no other thread of this process is inside. The same thread may enter it again.

    Entering is one atomic operation where nobody is inside; who waits looks again every 10 ms.
    """

    def __init__(self) -> None:
        self._holders: dict[tuple[int, str], _Holder] = {}
        """process and what it is about -> the thread of this process that is inside. A forked child has no part in its
        parent's"""

    @property
    def _key(self) -> tuple[int, str]:
        return os.getpid(), ""

    def __enter__(self) -> None:
        mine, key, since = _Holder(), self._key, time.monotonic()
        while (holder := self._holders.setdefault(key, mine)) is not mine:
            if holder.thread == mine.thread:
                holder.depth += 1
                return
            self._wait(time.monotonic() - since)
        try:
            self._entered(mine)
        except BaseException:
            del self._holders[key]
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        key = self._key
        holder = self._holders.get(key)
        if holder is None:
            return  # this is a fork of the process that has entered it
        if holder.depth:
            holder.depth -= 1
            return
        self._left(holder)
        del self._holders[key]

    def _wait(self, waited: float) -> None:  # noqa: ARG002
        """`waited`: seconds until now. Raises where that is too long."""
        time.sleep(_RETRY)

    def _entered(self, holder: _Holder) -> None:
        """Do what belongs to entering it for the first time."""

    def _left(self, holder: _Holder) -> None:
        """Undo it."""


class FileLock(Turn):
    """`with FileLock(path):` nobody else holds the lock of this path. The same thread may take it again.

    Where the folder can't be written there is no lock between programs, and nothing that it could protect. Raises
    IdentityError where another program, or thread, holds it for `patience` seconds, or where the lock file can't be
    made.
    """

    _of_all: ClassVar[dict[tuple[int, str], _Holder]] = {}
    """process and path -> holder, for all locks"""

    def __init__(self, path: Path, patience: float = 10.0) -> None:
        self._holders = self._of_all
        self._path = path.with_name(f".{path.name[:64]}.lock")
        self._patience = patience

    @property
    def _key(self) -> tuple[int, str]:
        return os.getpid(), str(self._path.absolute())

    def _wait(self, waited: float) -> None:
        if waited >= self._patience:
            raise self._late()
        super()._wait(waited)

    def _entered(self, holder: _Holder) -> None:
        holder.descriptor = self._take()

    def _left(self, holder: _Holder) -> None:
        if holder.descriptor is not None:
            _unlock(holder.descriptor)

    def _take(self) -> int | None:
        try:
            descriptor = self._open()
        except OSError as error:
            if error.errno in _UNWRITABLE:
                return None
            raise IdentityError(
                f"the lock file {self._path} can't be made: {error.strerror or type(error).__name__}",
                hint="look at the permissions of the folder and at the free space",
            ) from error
        until = time.monotonic() + self._patience
        try:
            while not (locked := _locked(descriptor)) and time.monotonic() < until:
                time.sleep(_RETRY)
        except BaseException:
            os.close(descriptor)
            raise
        if not locked:
            os.close(descriptor)
            raise self._late()
        return descriptor

    def _open(self) -> int:
        """Never through a link: the folder may belong to somebody else than the process."""
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        make_folder(self._path.parent)
        for _ in range(3):
            with suppress(FileNotFoundError):
                return os.open(self._path, flags)
            with suppress(FileExistsError):
                descriptor = os.open(self._path, flags | os.O_CREAT | os.O_EXCL, 0o600)
                owner_of_new(descriptor, self._path.parent)
                return descriptor
        return os.open(self._path, flags)

    def _late(self) -> IdentityError:
        return IdentityError(
            f"another program has held the lock {self._path} for {self._patience:g} s",
            hint="it writes this identity and does not finish: end that program, or use another identity",
        )


def _unlock(descriptor: int) -> None:
    """Give it back, though a child that was forked meanwhile may have a copy of the descriptor."""
    try:
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL):  # a file system without locks
            return True
        raise
    return True
