"""Durable messages on disk: an SQLite file that one satellite has for itself."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ..errors import StoreFailed
from ..messages import HiveMessageType

_FORMAT = 1
_KINDS = frozenset(kind.value for kind in HiveMessageType)
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS messages"
    " (number INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, expires REAL NOT NULL, text TEXT NOT NULL)"
)


class Stored(NamedTuple):
    """One message: its place, its id, its type on the wire, wall-clock seconds of its end, its JSON text."""

    number: int
    message_id: str
    kind: HiveMessageType
    expires: float
    text: str


class MessageStore:
    """The file. Not thread-safe: its caller has a lock. Every method raises StoreFailed.

    `add` returns when the disk has it. The journal is a write-ahead log with synchronous=FULL: one fsync for each
    message, where a rollback journal needs three; NORMAL would not sync it, so that a power cut could take what `emit`
    had promised. The lock is exclusive: two programs would send everything twice.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise self._failed(error.strerror) from None
        self._db = self._try(lambda: sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False))
        try:
            for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
                self._do(f"PRAGMA {pragma}")
            found = self._do("PRAGMA user_version")[0][0]
            if found not in (0, _FORMAT):
                raise self._failed(f"its format is {found}, and this version knows {_FORMAT}")
            self._do("BEGIN IMMEDIATE")  # takes the lock
            self._do(_SCHEMA)
            self._do(f"PRAGMA user_version={_FORMAT}")
            self._do("COMMIT")
        except StoreFailed:
            self._db.close()
            raise

    def load(self) -> list[Stored]:
        """All there is, in order."""
        return [
            self._stored(*row)
            for row in self._do("SELECT number, id, kind, expires, text FROM messages ORDER BY number")
        ]

    def add(self, number: int, message_id: str, kind: str, expires: float, text: str) -> None:
        """One more, whose number is above all others."""
        self._do("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", (number, message_id, kind, expires, text))

    def remove(self, numbers: Sequence[int]) -> None:
        """Those are done with. One commit."""
        self._do("BEGIN")
        try:
            rows = [(number,) for number in numbers]
            self._try(lambda: self._db.executemany("DELETE FROM messages WHERE number = ?", rows))
            self._do("COMMIT")
        except StoreFailed:
            with suppress(sqlite3.Error):  # there may be nothing left to undo, or no disk
                self._db.rollback()
            raise

    def close(self) -> None:
        """Safe to call again."""
        self._db.close()

    def _stored(self, number: int, message_id: Any, kind: Any, expires: Any, text: Any) -> Stored:
        if kind in _KINDS and (type(message_id), type(expires), type(text)) == (str, float, str):
            return Stored(number, message_id, HiveMessageType(kind), expires, text)
        raise self._failed(f"its message number {number} is damaged")

    def _do(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        rows: list[Any] = self._try(lambda: self._db.execute(statement, values).fetchall())
        return rows

    def _try(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except sqlite3.Error as error:  # says what failed, and nothing of the values
            raise self._failed(str(error)) from None

    def _failed(self, why: str | None) -> StoreFailed:
        hint = "give each satellite a file of its own, in a folder that it may write; a damaged file can be moved away"
        return StoreFailed(f"the file of durable messages {self._path!r} can't be used: {why}", hint=hint)
