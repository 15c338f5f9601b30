"""The identity file as a backend: read, replaced as a whole, with its key files beside it."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hivemind_sdk.errors import IdentityError, IdentityFileCorrupted, IdentityReadOnly, RemoteProtocolError
from hivemind_sdk.identity import PRIVATE_PEM, SECRET_FIELDS, FileLock, apply_changes, private_files, text_of
from hivemind_sdk.messages import JSONObject
from hivemind_sdk.messages.strict_json import loads

from . import keyfiles

_COMMENT_LINES = re.compile(r"^[ \t]*(?://|#).*$", re.MULTILINE)
"""json_database, which the reference client stores with, allows them"""
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
                    path = keyfiles.new_place(self._folder, name, fields)
                    private_files.check_owner(self._folder, path)
                    private_files.replace(path, data)
            except OSError as error:
                raise _failed("written", f"key {name!r} in {self._folder}", error) from error
        return keyfiles.record(self._folder, name, path)

    def secret_path(self, name: str, fields: Mapping[str, Any]) -> str:
        """Where this key is looked for when the identity has these fields."""
        return str(self._where(name, fields))

    def named(self, fields: Mapping[str, Any]) -> dict[str, str]:
        """The fields that name the key files which are there but not recorded: with them a node can be renamed."""
        paths = {name: self._where(name, fields) for name, field in SECRET_FIELDS.items() if not fields.get(field)}
        return {
            SECRET_FIELDS[name]: keyfiles.record(self._folder, name, path)
            for name, path in paths.items()
            if private_files.is_file(path)
        }

    def _where(self, name: str, fields: Mapping[str, Any]) -> Path:
        return keyfiles.path_of(self._folder, name, fields)

    def _create_private(self, data: bytes) -> Path:
        path = keyfiles.new_private(self._folder, other=False)
        try:
            private_files.create(path, data)
        except FileExistsError:
            path = keyfiles.new_private(self._folder, other=True)
            private_files.create(path, data)
        self._unnamed.add(path)
        return path

    def _drop_superseded(self, before: Path, after: Path) -> None:
        """Remove the private key that a new one has replaced; or the new one, if saving its field failed."""
        stale, self._unnamed = self._unnamed, set()
        if after in stale and keyfiles.is_ours(self._folder, before):
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
