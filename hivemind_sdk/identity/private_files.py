"""Private files: 0600 in a 0700 folder, either wholly written or not at all, and by one writer at a time.

Owner and mode are changed by descriptor, and names are looked up in a folder that is held open: whoever owns the folder
(root may save an identity in a user's) can't put a link in the way of a file that is being written.

A FileLock is a lock file, locked by the system, which releases it when its holder ends, however that happens. The lock
file stays: a file that is removed while others wait for it would lock nobody out.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from ..errors import IdentityError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

_BY_FOLDER = {os.open, os.stat, os.unlink, os.rename} <= os.supports_dir_fd
"""whether names can be looked up in a folder that is open; not so on Windows"""
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_RETRY = 0.01
"""seconds between two attempts to take the lock"""
_BUSY = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}


def replace(path: Path, data: bytes) -> None:
    """Put `data` in the place of what is at `path`; where that is a link, of what it points to.

    Raises OSError, and then the old file is as it was; PermissionError for a link of somebody else to a file that is
    not theirs.
    """
    target = path.resolve()
    make_folder(target.parent)
    with _Folder.open(target.parent) as folder:
        before = folder.look(target.name)
        _check_link(path, before)
        if before is not None and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "it is write-protected", str(target))
        temporary = f".{target.name[:64]}.{os.urandom(6).hex()}.tmp"
        folder.create(temporary, data, owner=before)
        try:
            folder.rename(temporary, target.name)
        except BaseException:
            with suppress(OSError):
                folder.unlink(temporary)
            raise
        folder.flush()


def create(path: Path, data: bytes) -> None:
    """Write a file that must not be there yet. Raises FileExistsError, or another OSError and leaves none."""
    make_folder(path.parent)
    with _Folder.open(path.parent) as folder:
        folder.create(path.name, data, owner=None)
        folder.flush()


def make_folder(folder: Path) -> None:
    """Folders that are made are 0700, and root's belong to the owner of the folder that they are in.

    Those that are there keep their mode, since others may depend on it.
    """
    if not folder.is_dir():
        make_folder(folder.parent)
        try:
            folder.mkdir(0o700)
        except FileExistsError:
            return
        if hasattr(os, "fchown") and os.geteuid() == 0:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK)
            try:
                owner_of_new(descriptor, folder.parent)
            finally:
                os.close(descriptor)


def close_to_others(path: Path) -> None:
    """Take away what group and others may do with a file of ours, as far as we are allowed to.

    Ours is what belongs to this process's user; for root also what belongs to the owner of its folder.
    """
    if not hasattr(os, "fchmod"):
        return
    with suppress(OSError):
        target = path.resolve()
        descriptor = os.open(target, os.O_RDONLY | os.O_NONBLOCK | _NO_LINK)
        try:
            found = os.fstat(descriptor)
            mine = {os.geteuid()} | ({target.parent.stat().st_uid} if os.geteuid() == 0 else set())
            if stat.S_ISREG(found.st_mode) and found.st_uid in mine and found.st_mode & 0o077:
                os.fchmod(descriptor, found.st_mode & 0o700)
        finally:
            os.close(descriptor)


def owner_of_new(descriptor: int, folder: Path) -> None:
    """Root (a container, sudo) makes a file in a user's folder: it belongs to that user, who must not be locked out."""
    if hasattr(os, "fchown") and os.geteuid() == 0:
        _give(descriptor, folder.stat())


def check_owner(folder: Path, path: Path) -> None:
    """What a user's file names is written by root only where that user could have written it.

    `folder`: where the file lies that names `path`. Raises PermissionError.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not folder.is_dir():
        return
    owner = folder.stat().st_uid
    there = next(one for one in path.parents if one.is_dir())
    if owner not in (0, there.stat().st_uid):
        raise PermissionError(errno.EPERM, "it is outside of what the owner of the identity may write", str(path))


def is_file(path: Path) -> bool:
    """False also where we may not look."""
    try:
        return path.is_file()
    except OSError:
        return False


class _Folder:
    """A folder that stays the same whatever its path comes to mean. All methods raise OSError."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[_Folder]:
        if not _BY_FOLDER:
            yield cls(path, None)
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | getattr(os, "O_CLOEXEC", 0))
        try:
            yield cls(path, descriptor)
        finally:
            os.close(descriptor)

    def look(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def create(self, name: str, data: bytes, owner: os.stat_result | None) -> None:
        """A new file; before its first byte root gives it to `owner`, or else to the owner of the folder."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK
        descriptor = os.open(self._at(name), flags, 0o600, dir_fd=self._descriptor)
        try:
            with os.fdopen(descriptor, "wb") as file:
                _give(descriptor, owner or self._owner())
                file.write(data)
                file.flush()
                os.fsync(descriptor)
        except BaseException:
            with suppress(OSError):
                self.unlink(name)
            raise

    def _owner(self) -> os.stat_result:
        return os.fstat(self._descriptor) if self._descriptor is not None else self._path.stat()

    def rename(self, name: str, target: str) -> None:
        os.replace(self._at(name), self._at(target), src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def unlink(self, name: str) -> None:
        os.unlink(self._at(name), dir_fd=self._descriptor)

    def flush(self) -> None:
        """Without this the rename may be lost with the power. Not every system can; the file is whole either way."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.fsync(self._descriptor)

    def _at(self, name: str) -> str:
        return name if self._descriptor is not None else str(self._path / name)


def _give(descriptor: int, owner: os.stat_result) -> None:
    """Root must not lock out the user whose file it is."""
    if hasattr(os, "fchown") and os.geteuid() == 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _check_link(path: Path, target: os.stat_result | None) -> None:
    """As the kernel's `protected_symlinks`, for root: a user's link leads to the user's own files only."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not path.is_symlink():
        return
    owner = path.lstat().st_uid
    if owner != 0 and (target is None or target.st_uid != owner):
        raise PermissionError(errno.EPERM, "it is a link of another user, to a file that is not theirs", str(path))


# --- one writer at a time ---


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
