"""The file of durable messages: its formats, who may read it, who may open it."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import subprocess
import sys

import pytest
from link_kit import CLIENT, LONG, Reached, T, satellite

from hivemind_sdk import BusMessage, HiveMessage
from hivemind_sdk.delivery import Outcome, Queue
from hivemind_sdk.engine.redelivery import DELIVERY, stamp
from hivemind_sdk.errors import StoreFailed
from hivemind_sdk.testing import Hub

DURABLE = Queue(ttl=3600.0, durable=True)
FORMAT_1 = (
    "CREATE TABLE IF NOT EXISTS messages"
    " (number INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, expires REAL NOT NULL, text TEXT NOT NULL)"
)


def said(number):
    return BusMessage("speak", {"n": number})


def make(path, *statements):
    """An SQLite file."""
    database = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        database.execute(*statement) if isinstance(statement, tuple) else database.execute(statement)
    database.close()
    path.chmod(0o600)


def opens(path):
    """Whether another process can open it as a store."""
    code = "import sys; from hivemind_sdk.threads.store import MessageStore; MessageStore(sys.argv[1]).close()"
    return subprocess.run([sys.executable, "-c", code, path], capture_output=True, timeout=LONG).returncode == 0


# --- formats ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_a_file_of_the_first_format_is_upgraded_without_loss(tmp_path, journal):
    path = tmp_path / "messages.db"
    texts = {number: stamp(HiveMessage(T.BUS, said(f"ü{number}")), str(number)).serialize() for number in range(1, 301)}
    rows = [("INSERT INTO messages VALUES (?, ?, 'bus', 4e9, ?)", (n, str(n), text)) for n, text in texts.items()]
    make(path, f"PRAGMA journal_mode={journal}", FORMAT_1, "PRAGMA user_version=1", "BEGIN", *rows, "COMMIT")
    with Hub([CLIENT]) as hub:
        sat = satellite(hub.connector(), durable=str(path))
        assert sat.emit(said("new"), delivery=DURABLE).state is Outcome.QUEUED
        sat.connect()
        assert sat.drain(LONG)
        came = [message.payload for message in hub.of_type(T.BUS)]
        assert [one.data["n"] for one in came] == [*(f"ü{number}" for number in range(1, 301)), "new"]
        assert [one.context[DELIVERY] for one in came[:2]] == [{"id": n, "redelivered": True} for n in ("1", "2")]
        sat.close()
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA user_version").fetchall() == [(2,)]
        assert database.execute("SELECT count(*) FROM messages").fetchall() == [(0,)]
    database.close()


@pytest.mark.parametrize(
    ("statements", "what"),
    [
        (["PRAGMA user_version=9"], "format is 9"),
        (["PRAGMA application_id=0x484D4F42", "PRAGMA user_version=3"], "format is 3"),
        (["CREATE TABLE places (url TEXT)"], "another program"),
        (["CREATE TABLE places (url TEXT)", "PRAGMA user_version=1"], "another program"),
        (["CREATE TABLE messages (number INTEGER, text TEXT)", "PRAGMA user_version=1"], "another program"),
        (["CREATE TABLE places (url TEXT)", "PRAGMA application_id=7"], "another program"),
        (["PRAGMA journal_mode=WAL", "CREATE TABLE places (url TEXT)", "PRAGMA application_id=7"], "another program"),
    ],
)
def test_what_is_newer_or_another_programs_is_refused_and_stays_as_it_is(tmp_path, statements, what):
    path = tmp_path / "foreign.db"
    make(path, *statements)
    path.chmod(0o644)
    before = path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns
    with pytest.raises(StoreFailed, match=what):
        satellite(Reached(), durable=str(path))
    assert (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns) == before
    assert [one.name for one in tmp_path.iterdir()] == ["foreign.db"]


@pytest.mark.parametrize("content", [b"notes, and no database" * 50, b"SQLite format", b"\0"])
def test_what_is_no_database_is_refused_and_stays_as_it_is(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(StoreFailed, match="no file of durable messages"):
        satellite(Reached(), durable=str(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize("kind", ["missing folder", "folder", "pipe"])
def test_what_can_not_be_a_file_is_refused_with_its_name(tmp_path, kind):
    path = {"missing folder": tmp_path / "missing" / "m.db", "folder": tmp_path, "pipe": tmp_path / "pipe"}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(StoreFailed, match=path.name) as caught:
        satellite(Reached(), durable=str(path))
    assert caught.value.hint


# --- who may read it, and open it ---------------------------------------------------------------------------------


def test_the_file_is_private_whatever_the_umask_and_what_it_was_before(tmp_path):
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    make(old, FORMAT_1, "PRAGMA user_version=1")
    old.chmod(0o666)
    umask = os.umask(0)
    try:
        for path in (new, old):
            sat = satellite(Reached(), durable=str(path))
            sat.emit(said("secret"), delivery=DURABLE)
            modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.glob(f"{path.name}*")}
            assert len(modes) > 1
            assert set(modes.values()) == {0o600}
            sat.close()
    finally:
        os.umask(umask)


def test_a_disk_that_fails_is_a_typed_error(tmp_path, monkeypatch):
    def fails(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / "outbox.db").touch()
    monkeypatch.setattr(os, "read", fails)
    with pytest.raises(StoreFailed, match=os.strerror(errno.EIO)):
        satellite(Reached(), durable=str(tmp_path / "outbox.db"))


def test_a_file_serves_one_satellite(tmp_path):
    path = str(tmp_path / "messages.db")
    sat = satellite(Reached(), durable=path)
    with pytest.raises(StoreFailed, match="locked"):
        satellite(Reached(), durable=path)
    assert not opens(path)  # the attempt has not taken the lock from the one that has it
    sat.close()
    assert opens(path)
    satellite(Reached(), durable=path).close()


def test_a_name_may_have_characters_that_mean_something_in_an_address(tmp_path):
    path = tmp_path / "a b?c#d%20.db"
    sat = satellite(Reached(), durable=str(path))
    sat.emit(said(1), delivery=DURABLE)
    sat.close()
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
