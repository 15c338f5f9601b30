"""The identity file as a backend: read, replaced as a whole, with its key files beside it (wire-v3.md section 11)."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from hivemind_sdk.errors import IdentityError, IdentityFileCorrupted, IdentityReadOnly, RemoteProtocolError
from hivemind_sdk.identity import (
    NOISE_KEY,
    NOISE_PSKS,
    PRIVATE_PEM,
    SECRET_FIELDS,
    FileLock,
    apply_changes,
    node_name,
    private_files,
    text_of,
    user_path,
)
from hivemind_sdk.messages.strict_json import loads

if TYPE_CHECKING:
    from hivemind_sdk.messages import JSONObject

_COMMENT_LINES = re.compile(r"^[ \t]*(?://|#).*$", re.MULTILINE)
"""json_database, which the reference client stores with, allows them"""
_OURS = re.compile(r"HiveMindComs(-[0-9a-f]{8})?\.pem")
_UNRECORDED = {PRIVATE_PEM: "{}.pem", NOISE_KEY: "{}_noise.key"}
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NOT_OURS_TO_WRITE = {errno.EROFS, errno.EACCES, errno.EPERM}


class FileIdentity:
    """See contracts.IdentityBackend. Reads the disk at each call.

    Any thread, and other processes may write at the same time: changes are merged into the file as it is, under a lock
    (`.NAME.lock` beside it), and nobody ever reads half a file.
    """

    writable = True

    def __init__(self, path: Path, *, uses_shared_fallback: bool = False) -> None:
        self.path = self.location = str(path)
        self.uses_shared_fallback = uses_shared_fallback
        self._file = path
        self._folder = path.parent
        self._lock = FileLock(path.resolve())
        self._unnamed: set[Path] = set()
        """private keys that we wrote and that no saved field names yet"""

    def load(self) -> JSONObject:
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _failed("read", self.path, error) from error
        for strip in (False, True):
            with suppress(RemoteProtocolError, UnicodeDecodeError):
                text = text_of(data)
                fields = loads(_COMMENT_LINES.sub("", text) if strip else text)
                if isinstance(fields, dict):
                    return fields
        raise IdentityFileCorrupted(
            f"the identity file {self.path} holds no JSON object ({len(data)} bytes); it was left as it is",
            hint="restore it from a backup, or move it away to start over as a new node",
        )

    def exclusive(self) -> FileLock:
        """See identity.LocksOut."""
        return self._lock

    def update(self, changes: JSONObject) -> None:
        with self._lock:
            self._replace(apply_changes(self.load(), changes))

    def _replace(self, fields: JSONObject) -> None:
        try:
            data = json.dumps(fields, indent=4, allow_nan=False).encode() + b"\n"
        except (TypeError, ValueError, RecursionError) as error:
            raise IdentityError(
                f"the identity can't be saved in {self.path}: a field holds what JSON can't ({type(error).__name__})",
                hint="use only text, numbers, true, false, null, lists and objects",
            ) from None
        before = after = self._where(PRIVATE_PEM, self.load())
        try:
            private_files.replace(self._file, data)
            after = self._where(PRIVATE_PEM, fields)
        except OSError as error:
            raise _failed("written", self.path, error) from error
        finally:
            self._drop_superseded(before, after)
        for path in (self._where(name, fields) for name in SECRET_FIELDS):
            if path.parent == self._folder:  # client 0.8 leaves its key readable for all
                private_files.close_to_others(path)

    def load_secret(self, name: str, fields: Mapping[str, Any] | None = None) -> str | None:
        """`fields`: where the caller has newer ones than the file."""
        path = self._where(name, self.load() if fields is None else fields)
        try:
            return text_of(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed("read", str(path), error) from error
        except ValueError:
            raise IdentityFileCorrupted(
                f"the key file {str(path)!r} holds no text; it was left as it is", hint="restore it from a backup"
            ) from None

    def save_secret(self, name: str, text: str | None) -> str:
        """A new private key gets a file of its own: which one is in use changes with the fields, in one step."""
        try:
            data = (text or "").encode()
        except UnicodeEncodeError:
            raise IdentityError(f"the key {name!r:.80} can't be saved: it is no text that UTF-8 can carry") from None
        with self._lock:
            fields = self.load()
            try:
                if text is None:
                    path = self._where(name, fields)
                    private_files.check_owner(self._folder, path)
                    path.unlink(missing_ok=True)
                elif name == PRIVATE_PEM:
                    path = self._create_private(data)
                else:
                    path = _new_place(self._folder, name, fields)
                    private_files.check_owner(self._folder, path)
                    private_files.replace(path, data)
            except OSError as error:
                raise _failed("written", f"key {name!r} in {self._folder}", error) from error
        return _field_of(self._folder, name, path)

    def secret_path(self, name: str, fields: Mapping[str, Any]) -> str:
        """Where this key is looked for when the identity has these fields."""
        return str(self._where(name, fields))

    def named(self, fields: Mapping[str, Any]) -> dict[str, str]:
        """The fields that name the key files which are there but not recorded: with them a node can be renamed."""
        paths = {name: self._where(name, fields) for name, field in SECRET_FIELDS.items() if not fields.get(field)}
        return {
            SECRET_FIELDS[name]: _field_of(self._folder, name, path)
            for name, path in paths.items()
            if private_files.is_file(path)
        }

    def _where(self, name: str, fields: Mapping[str, Any]) -> Path:
        return _path_of(self._folder, name, fields)

    def _create_private(self, data: bytes) -> Path:
        path = _new_private(self._folder, other=False)
        try:
            private_files.create(path, data)
        except FileExistsError:
            path = _new_private(self._folder, other=True)
            private_files.create(path, data)
        self._unnamed.add(path)
        return path

    def _drop_superseded(self, before: Path, after: Path) -> None:
        """Remove the private key that a new one has replaced; or the new one, if saving its field failed."""
        stale, self._unnamed = self._unnamed, set()
        if after in stale and _is_ours(self._folder, before):
            stale.add(before)
        for path in stale - {after}:
            with suppress(OSError):
                path.unlink()


def _failed(what: str, path: str, error: OSError) -> IdentityError:
    kind = IdentityReadOnly if what == "written" and error.errno in _NOT_OURS_TO_WRITE else IdentityError
    return kind(
        f"{path} can't be {what}: {error.strerror or type(error).__name__}",
        hint="look at the permissions of the file and its folder and at the free space, or use another identity file",
    )


# --- key files: their names, and where a recorded path leads ---


def _path_of(folder: Path, name: str, fields: Mapping[str, Any]) -> Path:
    """Where the key called `name` is, or would be looked for, in an identity with these fields.

    Recorded paths are relative to the identity (client 1.2) or absolute (0.8); an absolute one that leads nowhere, as
    in an identity that was moved, falls back to the identity's folder. Raises IdentityError for what can't be a name.
    """
    if name == NOISE_PSKS:  # belongs to the Noise key and is named after it
        noise = _path_of(folder, NOISE_KEY, fields)
        return noise.with_name(f"{noise.stem}_psks.json")
    if name not in SECRET_FIELDS:
        if not _NAME.fullmatch(name):
            hint = "use lower-case letters, digits, '.', '_' and '-'"
            raise IdentityError(f"{name[:80]!r} can't name a secret", hint=hint)
        return folder / name
    recorded = _recorded(name, fields)
    if not recorded:
        return folder / _UNRECORDED[name].format(node_name(fields))
    windows = PureWindowsPath(recorded)
    if windows.drive and not Path(recorded).drive:  # the identity comes from Windows
        return folder / windows.name
    expanded = user_path(recorded)
    path = folder / expanded
    beside = folder / path.name
    if private_files.is_file(path) or not (expanded.is_absolute() or recorded.startswith("/")):
        return path
    return beside if private_files.is_file(beside) or not _can_hold(path) else path


def _new_place(folder: Path, name: str, fields: Mapping[str, Any]) -> Path:
    """Where a key is written: at its place, under a name that stays in the folder if none is recorded."""
    if name in SECRET_FIELDS and not _recorded(name, fields):
        return folder / _UNRECORDED[name].format(re.sub(r"[/\\\0]", "_", node_name(fields)))
    return _path_of(folder, name, fields)


def _new_private(folder: Path, *, other: bool) -> Path:
    """The file for a new private key: under the reference's name, or (`other`) one that none has yet."""
    return folder / (f"HiveMindComs-{os.urandom(4).hex()}.pem" if other else "HiveMindComs.pem")


def _field_of(folder: Path, name: str, path: Path) -> str:
    """How the field names this file. Client 0.8 reads `secret_key` from wherever it runs, so that one is absolute."""
    return path.name if name != PRIVATE_PEM and path.parent == folder else str(path)


def _is_ours(folder: Path, path: Path) -> bool:
    """Whether this private key was named by us (or by the reference's create_keys)."""
    return path.parent == folder and _OURS.fullmatch(path.name) is not None


def _recorded(name: str, fields: Mapping[str, Any]) -> str:
    value = fields.get(SECRET_FIELDS[name])
    return value if isinstance(value, str) else ""


def _can_hold(path: Path) -> bool:
    """Whether a file could be made at `path`, folders included."""
    there = next((folder for folder in path.parents if folder.is_dir()), path)
    return os.access(there, os.W_OK)
