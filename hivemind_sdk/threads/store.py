"""Durable messages on disk: an SQLite file that one satellite has for itself."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import quote

from ..engine.entries import Backlog, Entry
from ..errors import MalformedMessage, StoreFailed
from ..messages import HiveMessageType

FORMAT = 2
"""`user_version` of the file. Format 1 had no size, no index, and no application id; it is upgraded when opened"""
APPLICATION = 0x484D4F42
"""`application_id` of the file: HMOB"""
_MAGIC = b"SQLite format 3\0"
_KINDS = {kind.value: kind for kind in HiveMessageType}
_COLUMNS = (
    "(number INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, expires REAL NOT NULL, {}text TEXT NOT NULL)"
)
_FORMAT_1 = "CREATE TABLE messages " + _COLUMNS.format("")
_TABLE = "CREATE TABLE {} " + _COLUMNS.format("size INTEGER NOT NULL, ")
_INDEX = "CREATE INDEX ends ON messages (expires, size)"
_UPGRADE = (
    _TABLE.format("upgraded"),
    "INSERT INTO upgraded SELECT number, id, kind, expires, length(CAST(text AS BLOB)), text FROM messages",
    "DROP TABLE messages",
    "ALTER TABLE upgraded RENAME TO messages",
)
_PLACES = "(?, ?, ?, ?, ?, ?)"
_ROWS_AT_ONCE = 32_766 // 6 if sqlite3.sqlite_version_info >= (3, 32) else 999 // 6
"""in one statement: SQLite's limit of variables"""
_HINT = "give each satellite a file of its own, in a folder that it may write; a damaged file can be moved away"

_open_here: set[tuple[int, int]] = set()
"""Device and inode of each file that this process has open. To open such a file again and close it would end the locks
that SQLite has on it."""


class _Waiting:
    """A thread that waits for its entry."""

    __slots__ = ("entry", "turn")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.turn: SimpleQueue[bool] = SimpleQueue()
        """gets True if this thread is to lead, False if its entry was written or failed"""

    @property
    def done(self) -> bool:
        return self.entry.stored or self.entry.failure is not None


class MessageStore:
    """The file. Every method raises StoreFailed. Calls of several threads do no harm, one statement is one transaction.

    `add` returns when the disk has it. The journal is a write-ahead log with synchronous=FULL: one fsync for each
    transaction, where a rollback journal needs three; NORMAL would not sync it, so that a power cut could take what
    `emit` had promised. The lock is exclusive: two programs would send everything twice.

    A new file is private (0600) before its first byte. One of another program, or of a newer format, stays untouched.
    A file in today's format is opened without writing, so a full disk does not keep a satellite from starting.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._busy = threading.Lock()
        """held by who writes what others wait for, or by `using`"""
        self._waiting: list[_Waiting] = []
        """whoever takes one out, which is one atomic operation, has to wake it"""
        self._leaders: list[None] = [None]
        """empty while somebody leads: it alone writes, and takes out of the two lists"""
        self._submitted: list[list[Entry]] = []
        self._file, self._key = self._open(path)
        try:
            self._check_header()
            name = f"file:{quote(str(Path(path).absolute()))}?mode=rw"
            try:
                self._db = sqlite3.connect(name, timeout=1.0, isolation_level=None, check_same_thread=False, uri=True)
            except sqlite3.Error as error:
                raise self._failed(str(error)) from None
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        except BaseException:
            self._release()
            raise

    def backlog(self) -> Backlog:
        """What is there."""
        count, size, first_end = self._do("SELECT count(*), total(size), min(expires) FROM messages INDEXED BY ends")[0]
        last = self._do("SELECT max(number) FROM messages")[0][0] or 0
        return Backlog(count, int(size), _seconds(first_end), last)

    def commit(self, entries: list[Entry]) -> None:
        """Keep these. Returns when they are on disk; their `content` is JSON text.

        One thread at a time leads: it writes for all that wait, in one transaction. What comes meanwhile is written
        next, by one of those who brought it.
        """
        one = _Waiting(entries[-1])
        self._submitted.append(entries)
        self._waiting.append(one)
        try:
            leads = self._take_the_lead() or one.turn.get()
        except BaseException:  # Ctrl-C
            self._leave(one)
            raise
        if leads:
            try:
                if self._submitted:
                    with self._busy:
                        self._write_submitted()
            finally:
                self._hand_over()
        failure = one.entry.failure
        if failure is not None:
            raise type(failure)(str(failure), hint=failure.hint)

    def _take_the_lead(self) -> bool:
        try:
            self._leaders.pop()
        except IndexError:
            return False
        return True

    def _hand_over(self) -> None:
        """Wake those whose entries were written, or failed; and let one of the others lead, if there are any."""
        while True:
            for one in [one for one in self._waiting if one.done]:
                self._waiting.remove(one)
                one.turn.put(False)
            if self._waiting:
                self._waiting.pop(0).turn.put(True)
                return
            self._leaders.append(None)
            if not self._waiting or not self._take_the_lead():  # who came before that was possible waits to be woken
                return

    def _leave(self, one: _Waiting) -> None:
        """Wait no longer."""
        try:
            self._waiting.remove(one)
        except ValueError:  # it has been taken out, and is being woken
            if one.turn.get():
                self._hand_over()

    def _write_submitted(self) -> None:
        """With `busy` held, by who leads."""
        entries = self._submitted.pop(0)
        while self._submitted:
            entries = entries + self._submitted.pop(0)
        try:
            self.add(entries)
        except BaseException as error:
            failure = error if isinstance(error, StoreFailed) else self._failed("writing was interrupted")  # by Ctrl-C
            for entry in entries:
                entry.failure = failure
            if failure is not error:
                raise
        else:
            for entry in entries:
                entry.stored = True

    def add(self, entries: Sequence[Entry]) -> None:
        """Keep these, all or none, without waiting for anybody."""
        done = 0
        try:
            while done < len(entries):
                part = entries[done : done + _ROWS_AT_ONCE]
                places = _PLACES if len(part) == 1 else ", ".join([_PLACES] * len(part))
                values = [
                    value
                    for one in part
                    for value in (one.row, one.message_id, one.kind.value, one.expires, one.size, one.content)
                ]
                self._do(f"INSERT INTO messages VALUES {places}", values)  # noqa: S608
                done += len(part)
        except StoreFailed:
            if done:
                with suppress(StoreFailed):
                    self.remove([one.row for one in entries[:done] if one.row is not None])
            raise

    def remove(self, numbers: Sequence[int]) -> None:
        """These are done with."""
        for start in range(0, len(numbers), 900):
            part = numbers[start : start + 900]
            self._do(f"DELETE FROM messages WHERE number IN ({', '.join('?' * len(part))})", part)  # noqa: S608

    def text(self, number: int) -> str:
        """The JSON text of a message. Raises MalformedMessage if it is damaged."""
        rows = self._do("SELECT text FROM messages WHERE number = ?", (number,))
        if not rows or type(rows[0][0]) is not str:
            raise MalformedMessage(f"what was kept of message {number} is damaged")
        text: str = rows[0][0]
        return text

    def read(self, after: int, last: int, limit: int) -> list[Entry]:
        """Messages with these numbers, in order, without their texts."""
        return self._entries("WHERE number > ? AND number <= ? ORDER BY number LIMIT ?", (after, last, limit))

    def expire(self, after: int, last: int, wall: float, limit: int) -> tuple[list[Entry], float]:
        """Remove messages with these numbers that end by `wall`; and wall-clock seconds of the next such end."""
        among = "INDEXED BY ends WHERE number > ? AND number <= ? "
        entries = self._entries(among + "AND expires <= ? ORDER BY expires LIMIT ?", (after, last, wall, limit))
        self.remove([entry.row for entry in entries if entry.row is not None])
        left = self._do(f"SELECT expires FROM messages {among} ORDER BY expires LIMIT 1", (after, last))  # noqa: S608
        return entries, _seconds(left[0][0] if left else None)

    @contextmanager
    def using(self) -> Iterator[None]:
        """For what takes several statements: nobody commits or closes meanwhile."""
        with self._busy:
            yield

    def close(self, timeout: float = 0.0) -> None:
        """Safe to call again. `timeout`: seconds to wait for who uses it."""
        mine = self._busy.acquire(timeout=timeout)
        try:
            self._db.close()
            self._release()
        finally:
            if mine:
                self._busy.release()

    # --- opening ---

    def _open(self, path: str) -> tuple[int, tuple[int, int]]:
        """The file, made if it is not there, and its identity."""
        try:
            with suppress(FileNotFoundError):
                if _identity(Path(path).stat()) in _open_here:
                    raise self._failed("it is locked: another satellite of this program has it open")
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
            file = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            raise self._failed(error.strerror) from None
        about = os.fstat(file)
        key = _identity(about)
        if not stat.S_ISREG(about.st_mode) or key in _open_here:
            os.close(file)
            raise self._failed("it is no file, or is locked")
        _open_here.add(key)
        return file, key

    def _check_header(self) -> None:
        """Refuse what is not ours before SQLite touches it."""
        try:
            os.lseek(self._file, 0, os.SEEK_SET)
            header = os.read(self._file, 100)
        except OSError as error:  # of a disk that fails
            raise self._failed(error.strerror) from None
        if not header:
            return
        if not header.startswith(_MAGIC):
            raise self._failed("it is no file of durable messages")
        self._check_format(int.from_bytes(header[68:72], "big"), int.from_bytes(header[60:64], "big"))

    def _check_format(self, application: int, found: int) -> None:
        if application not in (0, APPLICATION):
            raise self._failed("it belongs to another program")
        if not 0 <= found <= FORMAT or (found == FORMAT and application == 0):
            raise self._failed(f"its format is {found}, and this version knows 1 to {FORMAT}")

    def _prepare(self) -> None:
        self._do("PRAGMA locking_mode=EXCLUSIVE")
        found, application = (self._do(f"PRAGMA {name}")[0][0] for name in ("user_version", "application_id"))
        self._check_format(application, found)
        tables = [sql for (sql,) in self._do("SELECT sql FROM sqlite_master WHERE type = 'table'")]
        ours = tables if found == FORMAT else {0: [], 1: [_FORMAT_1]}[found]
        if tables != ours:
            raise self._failed("it belongs to another program")
        self._make_private()
        self._do("PRAGMA journal_mode=WAL")
        self._do("PRAGMA synchronous=FULL")
        if found != FORMAT:
            self._do("BEGIN IMMEDIATE")
            for statement in _UPGRADE if found else (_TABLE.format("messages"),):
                self._do(statement)
            for statement in (
                _INDEX,
                f"PRAGMA application_id={APPLICATION}",
                f"PRAGMA user_version={FORMAT}",
                "COMMIT",
            ):
                self._do(statement)

    def _make_private(self) -> None:
        """By descriptor: a path may mean another file by now. SQLite gives its journal the mode of the file."""
        mode = stat.S_IMODE(os.fstat(self._file).st_mode)
        if mode & 0o077 and hasattr(os, "fchmod"):
            try:
                os.fchmod(self._file, mode & ~0o077)
            except OSError as error:
                raise self._failed(f"others may read it, and that can't be changed: {error.strerror}") from None

    def _release(self) -> None:
        if self._key in _open_here:
            _open_here.discard(self._key)
            os.close(self._file)

    # --- statements ---

    def _entries(self, where: str, values: Sequence[Any]) -> list[Entry]:
        """Damaged ones have a kind that no text fits, and are refused when they are sent."""
        rows = self._do(f"SELECT number, id, kind, expires, size FROM messages {where}", values)  # noqa: S608
        return [
            Entry(
                _KINDS.get(kind, HiveMessageType.BUS), None, size, _seconds(expires), row=number, message_id=str(name)
            )
            for number, name, kind, expires, size in rows
        ]

    def _do(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:  # says what failed, and nothing of the values
            raise self._failed(str(error)) from None

    def _failed(self, why: str | None) -> StoreFailed:
        return StoreFailed(f"the file of durable messages {self._path!r} can't be used: {why}", hint=_HINT)


def _identity(about: os.stat_result) -> tuple[int, int]:
    return about.st_dev, about.st_ino


def _seconds(value: Any) -> float:
    return value if type(value) is float else float("inf")
