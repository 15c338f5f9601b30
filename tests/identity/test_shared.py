"""Programs that share an identity, and a root that saves in somebody else's folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hivemind_identity_file.backend import FileIdentity
from hivemind_sdk import NodeIdentity
from hivemind_sdk.errors import IdentityError, IdentityReadOnly
from hivemind_sdk.identity import FileLock, private_files
from hivemind_sdk.identity.state import Identity
from hivemind_sdk.testing import Hub, HubClient

PASSWORD = "correct-horse-battery-9"
root_only = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
NOBODY = 65534
LONG = 30.0


def together(code, *arguments):
    """Runs it in several programs, which begin at the same moment. -> what each of them printed"""
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        f"import sys\nprint('there', flush=True); sys.stdin.readline()\n{code}",
    ]
    running = [
        subprocess.Popen([*command, *map(str, one)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for one in arguments
    ]
    for one in running:
        assert one.stdout.readline() == "there\n"
    for one in running:
        one.stdin.write("go\n")
        one.stdin.flush()
    return [one.communicate(timeout=60)[0].strip() for one in running]


PIN = """
from hivemind_sdk import NodeIdentity
node = NodeIdentity(sys.argv[1])
for number in range(20):
    node.pin_noise_key(f"hub-{sys.argv[2]}-{number}:5678", "ab" * 32)
    node.IDENTITY_FILE[sys.argv[2]] = number
    node.save()
print(node.IDENTITY_FILE[sys.argv[2]])
"""


def test_programs_that_change_an_identity_at_once_lose_nothing(path):
    assert together(PIN, *((path, name) for name in "abc")) == ["19"] * 3
    fields = json.loads(path.read_text())
    assert len(fields["pinned_noise_keys"]) == 60
    assert [fields[name] for name in "abc"] == [19] * 3


CONNECT = """
from hivemind_sdk import HiveMessageBusClient
with HiveMessageBusClient(sys.argv[2], sys.argv[3], host="ws://127.0.0.1", port=sys.argv[1]) as client:
    print(client.connect(timeout=40).protocol)
"""


def test_programs_that_start_together_for_the_first_time_are_known_tomorrow(path, monkeypatch):
    """One makes the Noise key of both: a hub that has pinned another one would refuse from then on."""
    with Hub([HubClient("mic", PASSWORD), HubClient("player", PASSWORD)], "5.3.10a1").start() as hub:
        given = [(hub.port, key, PASSWORD) for key in ("mic", "player")]
        assert together(CONNECT, *given) == ["3", "3"]
        assert [together(CONNECT, one) for one in given] == [["3"], ["3"]]


CREATE = """
from hivemind_sdk import NodeIdentity
node = NodeIdentity(sys.argv[1])
print(node.create_keys(missing=True), hash((node.public_key, node.private_pem)) is not None)
"""


def test_of_programs_that_lack_keys_one_makes_them(path):
    answers = together(CREATE, *([(path,)] * 3))
    assert sorted(answer.split()[0] for answer in answers) == ["False", "False", "True"]
    assert len(list(path.parent.glob("*.pem"))) == 1
    assert NodeIdentity(str(path)).private_pem


def test_a_lock_that_nobody_gives_back_is_an_error_that_names_it(path):
    lock = FileLock(path, patience=0.05)
    with lock, FileLock(path):  # again, by the same thread
        pass
    with path.with_name(f".{path.name}.lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(IdentityError, match="has held the lock") as caught, lock:
            pass
    assert "another program" in str(caught.value)
    assert "end that program" in caught.value.hint
    with lock:
        pass


def test_a_lock_is_one_threads_at_a_time_and_not_that_of_a_forked_child(path):
    entered, left = [], threading.Event()

    def other():
        with FileLock(path):
            entered.append("other")
        left.set()

    with FileLock(path):
        child = os.fork()
        if not child:
            time.sleep(LONG)  # it has a copy of the descriptor
            os._exit(0)
        thread = threading.Thread(target=other)
        thread.start()
        assert not left.wait(0.1)
        entered.append("first")
    try:
        assert left.wait(LONG)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    thread.join(LONG)
    assert entered == ["first", "other"]


def test_a_folder_that_can_not_be_written_needs_no_lock(path, monkeypatch):
    def read_only(*_args, **_kwargs):
        raise OSError(30, "Read-only file system")

    identity = Identity([FileIdentity(path)])
    monkeypatch.setattr(private_files.Path, "mkdir", read_only)
    with identity.exclusive():
        assert identity.read("name") is None
    with pytest.raises(IdentityReadOnly):
        identity.write("name", "kitchen")


@pytest.fixture
def users(tmp_path):
    """A folder of somebody else's, with an identity in it; and a file of root's that he may not read."""
    home, secret = tmp_path / "home", tmp_path / "shadow"
    home.mkdir()
    (home / "_identity.json").write_text("{}")
    secret.write_text("root's")
    secret.chmod(0o600)
    for one in (home, home / "_identity.json"):
        os.chown(one, NOBODY, NOBODY)
    return home, secret


@root_only
def test_a_link_that_is_put_in_the_way_of_root_gives_no_file_away(users, monkeypatch):
    """The owner of the folder swaps the temporary file for a link while root writes it."""
    home, secret = users
    real = os.fsync

    def swap(descriptor):
        for temporary in home.glob(".*.tmp"):
            temporary.unlink()
            temporary.symlink_to(secret)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", swap)
    with contextlib.suppress(IdentityError):
        FileIdentity(home / "_identity.json").update({"site_id": "kitchen"})
    assert (secret.stat().st_uid, secret.read_text()) == (0, "root's")


@root_only
@pytest.mark.parametrize("name", ["_identity.json", "HiveMindComs.pem", "._identity.json.lock"])
def test_root_writes_through_no_link_of_a_user_to_a_file_of_roots(users, name):
    home, secret = users
    (home / name).unlink(missing_ok=True)
    (home / name).symlink_to(secret)
    os.chown(home / name, NOBODY, NOBODY, follow_symlinks=False)
    backend = FileIdentity(home / "_identity.json")
    with contextlib.suppress(IdentityError):
        backend.update({"secret_key": str(home / "HiveMindComs.pem")})
    with contextlib.suppress(IdentityError):
        backend.save_secret("private.pem", "key")
    found = secret.stat()
    assert (found.st_uid, found.st_mode & 0o777, secret.read_text()) == (0, 0o600, "root's")


@root_only
@pytest.mark.parametrize("field", ["noise_key", "secret_key"])
def test_what_a_users_identity_names_elsewhere_root_neither_writes_nor_removes(users, tmp_path, field):
    home, _ = users
    elsewhere = tmp_path / "etc"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    secret = "noise.key" if field == "noise_key" else "private.pem"
    (home / "_identity.json").write_text(json.dumps({field: str(elsewhere / "kept")}))
    backend = FileIdentity(home / "_identity.json")
    with pytest.raises(IdentityError, match="outside"):
        backend.save_secret(secret, None)
    if secret == "noise.key":
        with pytest.raises(IdentityError, match="outside"):
            backend.save_secret(secret, "ab" * 32)
    assert (elsewhere / "kept").read_text() == "kept"


@root_only
def test_what_root_makes_in_a_users_folder_is_the_users(users):
    home, _ = users
    backend = FileIdentity(home / "_identity.json")
    backend.update({"name": "kitchen"})
    backend.save_secret("noise.key", "ab" * 32)
    backend.save_secret("private.pem", "key")
    assert {path.name: path.stat().st_uid for path in home.iterdir()} == dict.fromkeys(
        [path.name for path in home.iterdir()], NOBODY
    )


@root_only
def test_the_mode_of_a_linked_file_of_somebody_else_is_left_alone(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_text("x")
    theirs.chmod(0o644)
    os.chown(theirs, NOBODY, NOBODY)
    (tmp_path / "folder").mkdir()
    link: Path = tmp_path / "folder" / "key.pem"
    link.symlink_to(theirs)
    private_files.close_to_others(link)
    assert theirs.stat().st_mode & 0o777 == 0o644
