"""The file: replaced as a whole or not at all, private, and never lost because it could not be read."""

import errno
import json
import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivemind_identity_file import backend as file_backend
from hivemind_identity_file.backend import FileIdentity
from hivemind_sdk.errors import IdentityError, IdentityFileCorrupted, IdentityReadOnly
from hivemind_sdk.identity import private_files as atomic

JSON = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(st.none() | inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def mode(path):
    return path.stat().st_mode & 0o777


def files(folder):
    """All but the lock file, which stays."""
    return sorted(path for path in folder.iterdir() if path.suffix != ".lock")


def test_what_does_not_exist_yet_is_empty_and_is_not_made_by_reading(backend, path):
    assert backend.load() == {}
    assert backend.load_secret("private.pem") is None
    assert not path.parent.exists()


def test_files_are_0600_in_folders_that_are_0700(backend, path):
    backend.update({"name": "kitchen"})
    backend.save_secret("noise.key", "ab" * 32)
    backend.save_secret("private.pem", "key")
    assert {mode(file) for file in path.parent.iterdir()} == {0o600}
    assert mode(path.parent) == mode(path.parent.parent) == 0o700


def test_a_folder_that_is_there_keeps_its_mode_and_files_of_the_reference_are_closed(backend, path):
    path.parent.mkdir(parents=True, mode=0o755)
    path.parent.chmod(0o755)
    path.write_text(json.dumps({"secret_key": str(path.with_name("HiveMindComs.pem"))}))
    path.with_name("HiveMindComs.pem").write_text("key")
    path.with_name("HiveMindComs.pem").chmod(0o644)
    path.chmod(0o644)
    backend.update({**backend.load(), "name": "kitchen"})
    assert mode(path.parent) == 0o755
    assert mode(path) == mode(path.with_name("HiveMindComs.pem")) == 0o600


def test_a_key_elsewhere_keeps_its_mode(backend, tmp_path):
    elsewhere = tmp_path / "elsewhere.pem"
    elsewhere.write_text("key")
    elsewhere.chmod(0o640)
    backend.update({"secret_key": str(elsewhere)})
    assert mode(elsewhere) == 0o640


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_every_json_object_comes_back_as_it_was_saved(tmp_path_factory, fields):
    backend = FileIdentity(tmp_path_factory.mktemp("identity") / "_identity.json")
    backend.update(fields)
    assert backend.load() == fields


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b'"text"', b'{"a": NaN}', b'{"a": "\xff"}', b"[" * 5000, b'{"password": "hunter2"'],
)
def test_a_corrupt_file_is_an_error_that_names_it_and_it_stays_untouched(backend, path, content):
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    for attempt in (
        backend.load,
        lambda: backend.update({"name": "new"}),
        lambda: backend.save_secret("noise.key", "ab" * 32),
        lambda: backend.save_secret("private.pem", "key"),
    ):
        with pytest.raises(IdentityFileCorrupted, match=str(path)) as caught:
            attempt()
        assert "backup" in caught.value.hint
        assert "hunter2" not in str(caught.value)
    assert path.read_bytes() == content
    assert files(path.parent) == [path]


def test_comment_lines_are_read_as_the_reference_reads_them(backend, path):
    path.parent.mkdir(parents=True)
    path.write_text('// mine\n{\n  # "name": "old",\n  "name": "a // b # c"\n}\n')
    assert backend.load() == {"name": "a // b # c"}


def test_what_can_not_be_read_is_an_error_and_no_empty_identity(backend, path):
    path.mkdir(parents=True)
    with pytest.raises(IdentityError, match=r"can't be read"):
        backend.load()
    with pytest.raises(IdentityError, match=r"can't be read"):
        backend.update({})


def test_what_json_can_not_hold_is_refused_without_showing_it(backend, path):
    backend.update({"name": "kitchen"})
    for value in (b"hunter2", float("nan"), {1: object()}):
        with pytest.raises(IdentityError) as caught:
            backend.update({"password": value})
        assert "hunter2" not in str(caught.value)
    assert backend.load() == {"name": "kitchen"}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (errno.ENOSPC, IdentityError),
        (errno.EIO, IdentityError),
        (errno.EROFS, IdentityReadOnly),
        (errno.EACCES, IdentityReadOnly),
    ],
)
@pytest.mark.parametrize("function", ["replace", "fsync", "open"])
def test_a_disk_that_fails_leaves_the_old_file_and_nothing_else(backend, path, monkeypatch, function, fault, kind):
    backend.update({"name": "kitchen", "password": "hunter2"})
    before = path.read_bytes()

    def fail(*_args, **_kwargs):
        raise OSError(fault, os.strerror(fault))

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, function, fail)
        with pytest.raises(kind, match=os.strerror(fault)) as caught:
            backend.update({"name": "bedroom"})
        with pytest.raises(kind):
            backend.save_secret("noise.key", "ab" * 32)
    assert caught.value.hint
    assert "hunter2" not in str(caught.value)
    assert path.read_bytes() == before
    assert files(path.parent) == [path]


def test_a_disk_that_fills_up_while_writing_leaves_the_old_file(backend, path, monkeypatch):
    backend.update({"name": "kitchen"})
    real = os.fdopen

    def short(*args, **kwargs):
        file = real(*args, **kwargs)

        class Full:
            def __enter__(self):
                return self

            def __exit__(self, *_exc):
                file.close()

            def write(self, data):
                file.write(data[:3])
                raise OSError(errno.ENOSPC, "No space left on device")

        return Full()

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "fdopen", short)
        with pytest.raises(IdentityError, match="No space"):
            backend.update({"name": "bedroom"})
        with pytest.raises(IdentityError, match="No space"):
            backend.save_secret("private.pem", "key")
    assert backend.load() == {"name": "kitchen"}
    assert files(path.parent) == [path]


def test_a_write_protected_file_is_not_replaced(backend, path, monkeypatch):
    backend.update({"name": "kitchen"})
    monkeypatch.setattr(atomic.os, "access", lambda *_args: False)  # root may do everything
    with pytest.raises(IdentityReadOnly, match="write-protected"):
        backend.update({"name": "bedroom"})
    assert backend.load() == {"name": "kitchen"}


def test_a_link_stays_a_link(path, tmp_path):
    target = tmp_path / "dotfiles" / "identity.json"
    target.parent.mkdir()
    target.write_text("{}")
    path.parent.mkdir(parents=True)
    path.symlink_to(target)
    FileIdentity(path).update({"name": "kitchen"})
    assert path.is_symlink()
    assert json.loads(target.read_text()) == {"name": "kitchen"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_root_does_not_take_the_file_from_its_owner(backend, path):
    backend.update({"name": "kitchen"})
    os.chown(path, 1234, 1234)
    backend.update({"name": "bedroom"})
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1234)


def test_threads_that_save_at_once_never_leave_half_a_file(path):
    start, seen = threading.Barrier(5), []

    def save(number):
        backend = FileIdentity(path)
        start.wait(10)
        for _ in range(20):
            backend.update({"name": str(number) * 5000})

    def read():
        start.wait(10)
        seen.extend(FileIdentity(path).load().get("name", "") for _ in range(100))

    threads = [threading.Thread(target=save, args=(number,)) for number in range(4)] + [threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {len(name) for name in seen} <= {0, 5000}
    assert all(len(set(name)) <= 1 for name in seen)
    assert files(path.parent) == [path]


PROCESS = """
import sys
from pathlib import Path
from hivemind_identity_file.backend import FileIdentity
backend = FileIdentity(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    backend.update({"name": sys.argv[2] * 5000})
    assert len(backend.load()["name"]) == 5000
"""


def test_processes_that_save_at_once_never_leave_half_a_file(path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(path), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for name in "ab"
    ]
    for process in processes:
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert set(FileIdentity(path).load()["name"]) in ({"a"}, {"b"})
    assert files(path.parent) == [path]


# --- key files ---


def test_keys_of_a_client_0_8_are_found_by_their_absolute_path(backend, path, tmp_path):
    key = tmp_path / "elsewhere" / "HiveMindComs.pem"
    key.parent.mkdir()
    key.write_text("key")
    backend.update({"secret_key": str(key)})
    assert backend.load_secret("private.pem") == "key"


def test_keys_of_a_client_1_2_are_found_relative_to_the_identity(backend, path, monkeypatch, tmp_path):
    backend.update({"secret_key": "HiveMindComs.pem", "noise_key": "n.key"})
    path.with_name("HiveMindComs.pem").write_text("key")
    path.with_name("n.key").write_text("ab" * 32)
    monkeypatch.chdir(tmp_path)
    assert backend.load_secret("private.pem") == "key"
    assert backend.load_secret("noise.key") == "ab" * 32


def test_keys_that_no_field_names_are_found_by_the_name_of_the_node(backend, path):
    backend.update({"name": "kitchen"})
    path.with_name("kitchen.pem").write_text("key")
    path.with_name("kitchen_noise.key").write_text("ab" * 32)
    path.with_name("kitchen_noise_psks.json").write_text("{}")
    assert backend.load_secret("private.pem") == "key"
    assert backend.load_secret("noise.key") == "ab" * 32
    assert backend.load_secret("noise_psks.json") == "{}"


def test_an_absolute_path_that_leads_nowhere_falls_back_to_the_folder(backend, path, tmp_path, monkeypatch):
    gone = tmp_path / "old-home" / "HiveMindComs.pem"
    backend.update({"secret_key": str(gone)})
    assert backend.secret_path("private.pem", backend.load()) == str(gone)  # it could be made there
    with monkeypatch.context() as patch:
        patch.setattr(file_backend.os, "access", lambda *_args: False)
        assert backend.secret_path("private.pem", backend.load()) == str(path.with_name("HiveMindComs.pem"))
    path.with_name("HiveMindComs.pem").write_text("key")
    assert backend.load_secret("private.pem") == "key"


def test_a_moved_identity_keeps_its_keys(backend, path, tmp_path):
    where = backend.save_secret("private.pem", "key")
    noise = backend.save_secret("noise.key", "ab" * 32)
    backend.update({"secret_key": where, "noise_key": noise, "name": "kitchen"})
    moved = FileIdentity(tmp_path / "moved" / path.name)
    path.parent.rename(tmp_path / "moved")
    assert moved.load_secret("private.pem") == "key"
    assert moved.load_secret("noise.key") == "ab" * 32


def test_a_key_that_is_no_text_or_unreadable_is_an_error_that_names_the_file(backend, path):
    path.parent.mkdir(parents=True)
    path.with_name("unnamed-node.pem").write_bytes(b"\xff\xff")
    path.with_name("unnamed-node_noise.key").mkdir()
    with pytest.raises(IdentityFileCorrupted, match=r"unnamed-node\.pem"):
        backend.load_secret("private.pem")
    with pytest.raises(IdentityError, match=r"unnamed-node_noise\.key can't be read"):
        backend.load_secret("noise.key")


def test_secrets_of_third_parties_have_files_of_their_own_and_stay_in_the_folder(backend, path):
    backend.save_secret("ticket", "text")
    assert path.with_name("ticket").read_text() == "text"
    assert backend.load_secret("ticket") == "text"
    backend.save_secret("ticket", None)
    assert backend.load_secret("ticket") is None
    for name in ("../evil", "_identity.json", "", "A", "a/b", "a\0"):
        with pytest.raises(IdentityError, match="can't name a secret"):
            backend.save_secret(name, "text")


def test_a_name_with_separators_makes_no_folders(backend, path):
    backend.update({"name": "../../kitchen"})
    assert backend.save_secret("noise.key", "ab" * 32) == ".._.._kitchen_noise.key"
    assert path.with_name(".._.._kitchen_noise.key").exists()


def test_a_new_private_key_leaves_the_old_one_until_the_fields_name_it(backend, path):
    first = backend.save_secret("private.pem", "one")
    backend.update({"secret_key": first, "public_key": "1"})
    assert first == str(path.with_name("HiveMindComs.pem"))
    second = backend.save_secret("private.pem", "two")
    assert backend.load_secret("private.pem") == "one"
    backend.update({"secret_key": second, "public_key": "2"})
    assert backend.load_secret("private.pem") == "two"
    assert files(path.parent) == sorted([path, path.parent / second])
    backend.update({"secret_key": str(path.with_name("mine.pem")), "public_key": "3"})
    assert (path.parent / second).exists(), "a key that was replaced by nothing of ours is kept"
