"""Private files: 0600 in a 0700 folder, and either wholly written or not at all."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path


def replace(path: Path, data: bytes) -> None:
    """Put `data` in the place of what is at `path`; where that is a link, of what it points to.

    Raises OSError, and then the old file is as it was.
    """
    target = path.resolve()
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is write-protected", str(target))
    temporary = target.with_name(f".{target.name[:64]}.{os.urandom(6).hex()}.tmp")
    create(temporary, data)
    try:
        _keep_owner(target, temporary)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _flush(target.parent)


def create(path: Path, data: bytes) -> None:
    """Write a file that must not be there yet. Raises FileExistsError, or another OSError and leaves none."""
    make_folder(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def make_folder(folder: Path) -> None:
    """Folders that are made are 0700; those that are there keep their mode, since others may depend on it."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(0o700, exist_ok=True)


def close_to_others(path: Path) -> None:
    """Take away what group and others may do with a file of ours, as far as we are allowed to."""
    with suppress(OSError):
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            path.chmod(mode & 0o700)


def is_file(path: Path) -> bool:
    """False also where we may not look."""
    try:
        return path.is_file()
    except OSError:
        return False


def _keep_owner(target: Path, temporary: Path) -> None:
    """Root (a container, sudo) must not lock out the user whose file it is."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and target.exists():
        before = target.stat()
        os.chown(temporary, before.st_uid, before.st_gid)


def _flush(folder: Path) -> None:
    """Without this the rename may be lost with the power. Not every system can; the file is whole either way."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
