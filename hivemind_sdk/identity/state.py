"""The identity as a value: fields and secrets from one or several backends, and changes on their way back.

Credentials are read, node state is written: a backend of the first kind (environment, mounted secret) stands before one
of the second, which then takes what is written. What is in memory counts at once; it is stored by `save`, `write` and
`write_secret` only. Does no I/O of its own.
"""

from __future__ import annotations

import copy
import posixpath
import threading
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..errors import IdentityReadOnly

if TYPE_CHECKING:
    from ..contracts import IdentityBackend
    from ..messages import JSONObject

PRIVATE_PEM = "private.pem"
"""the secret: our RSA private key, PKCS#1 PEM"""
NOISE_KEY = "noise.key"
"""the secret: our static X25519 key, 64 hexadecimal digits"""
NOISE_PSKS = "noise_psks.json"
"""the secret: keys that were derived from the password (wire-v3.md section 4.7)"""

SECRET_FIELDS: Mapping[str, str] = {PRIVATE_PEM: "secret_key", NOISE_KEY: "noise_key"}
"""secret -> the field that says where it is"""

DEFAULT_NAME = "unnamed-node"


@runtime_checkable
class KeyFiles(Protocol):
    """What a backend also offers whose secrets are files, as the reference client's are."""

    path: str
    uses_shared_fallback: bool

    def load_secret(self, name: str, fields: Mapping[str, Any] | None = None) -> str | None: ...

    def secret_path(self, name: str, fields: Mapping[str, Any]) -> str: ...

    def named(self, fields: Mapping[str, Any]) -> dict[str, str]: ...


@runtime_checkable
class KeepsPart(Protocol):
    """What a backend also offers that keeps a part of an identity only, such as its secrets.

    What it takes is removed from those behind it that can be written, so that no second copy stays there.
    """

    def keeps(self, name: str) -> bool:
        """Whether this field, or the secret of this name, belongs here."""


def node_name(fields: Mapping[str, Any]) -> str:
    """How the node calls itself; the file name in the obsolete field `key` if it has no `name` (wire.md section 11)."""
    for candidate in (fields.get("name"), posixpath.basename(str(fields.get("key") or ""))):
        if isinstance(candidate, str) and candidate:
            return candidate
    return DEFAULT_NAME


class Identity:
    """A contracts.NodeState over backends: the first that has a field wins, writes go to the first that is writable.

    Any thread. `memory` is what holds the fields, for a caller who shares it; what it has already counts as unsaved.
    Raises IdentityFileCorrupted or IdentityError, as the backends do.
    """

    def __init__(self, backends: Sequence[IdentityBackend], memory: MutableMapping[str, Any] | None = None) -> None:
        self.backends = tuple(backends)
        self._lock = threading.RLock()
        self._stored: JSONObject = self._load()
        self._secrets: dict[str, str | None] = {}
        self.memory: MutableMapping[str, Any] = {} if memory is None else memory
        self.memory.update({**copy.deepcopy(self._stored), **self.memory})

    @property
    def location(self) -> str:
        """For people: where it is kept."""
        return ", ".join(backend.location for backend in self.backends)

    # --- reading ---

    def read(self, key: str) -> Any:
        """A field as it is in memory, an object as a copy. None where it is absent."""
        with self._lock:
            value = self.memory.get(key)
            return dict(value) if isinstance(value, dict) else value

    def read_secret(self, name: str) -> str | None:
        """Read once, then kept until it changes or `reload`."""
        with self._lock:
            if name not in self._secrets:
                found = (self._secret_in(backend, name) for backend in self.backends)
                self._secrets[name] = next((text for text in found if text is not None), None)
            return self._secrets[name]

    def files(self) -> KeyFiles | None:
        """The first backend whose secrets are files."""
        return next((backend for backend in self.backends if isinstance(backend, KeyFiles)), None)

    def is_changed(self, key: str) -> bool:
        """Whether a field in memory differs from what is stored, as far as we know."""
        with self._lock:
            return bool(self.memory.get(key) != self._stored.get(key))

    # --- changing ---

    def locked(self) -> AbstractContextManager[Any]:
        """A context in which nobody else changes this identity in memory: to read, then write."""
        return self._lock

    def put(self, key: str, value: Any) -> None:
        """Change a field in memory; None removes it. It counts at once and is stored by `save`."""
        with self._lock:
            _apply(self.memory, {key: copy.deepcopy(value)})
            self._secrets.clear()  # they may be named by this field

    def write(self, key: str, value: Any) -> None:
        """Change one field in memory and where it is kept. Nothing else is stored."""
        with self._lock:
            self._store({key: value})
            self.put(key, value)

    def write_secret(self, name: str, text: str | None, also: Mapping[str, Any] | None = None) -> None:
        """Store a secret, then in one step the field that names it and the fields in `also`."""
        field = SECRET_FIELDS.get(name)
        with self._lock:
            target = self._target(name, secret=True)
            changes: JSONObject = {field: None, **(also or {})} if field else dict(also or {})
            for key in changes:
                self._target(key)  # raises before anything is stored
            where = target.save_secret(name, text)
            self._clear_behind(target, lambda one: self._secret_in(one, name) and one.save_secret(name, None))
            if field and text is not None and not isinstance(target, KeepsPart):
                changes[field] = where
            self._store(changes)
            for key, value in changes.items():
                self.put(key, value)
            self._secrets.pop(name, None)

    def save(self) -> None:
        """Store what was changed in memory, and take over what others have stored meanwhile.

        Only changed fields are written, so two programs with one identity do not undo each other's changes.
        """
        with self._lock:
            self._store({key: self.memory.get(key) for key in {**self._stored, **self.memory} if self.is_changed(key)})
            self.reload()

    def reload(self) -> None:
        """Forget what was changed in memory."""
        with self._lock:
            self._stored = self._load()
            self._secrets.clear()
            self.memory.clear()
            self.memory.update(copy.deepcopy(self._stored))

    # --- inside ---

    def _load(self) -> JSONObject:
        fields: JSONObject = {}
        for backend in reversed(self.backends):
            fields.update({key: value for key, value in backend.load().items() if value is not None})
        if "name" not in fields and fields.get("key"):
            fields["name"] = node_name(fields)
        return fields

    def _store(self, changes: Mapping[str, Any]) -> None:
        if not changes:
            return
        changes = copy.deepcopy(dict(changes))
        routed: dict[int, JSONObject] = {}
        for key, value in changes.items():
            routed.setdefault(self.backends.index(self._target(key)), {})[key] = value
        for index, part in routed.items():
            _save_changed(self.backends[index], part)
            self._clear_behind(self.backends[index], partial(_save_changed, changes=dict.fromkeys(part)))
        _apply(self._stored, changes)

    def _target(self, key: str, *, secret: bool = False) -> IdentityBackend:
        """The backend that takes this field, or this secret. A change that one before it would hide is refused."""
        for backend in self.backends:
            if isinstance(backend, KeepsPart) and not backend.keeps(key):
                continue
            if backend.writable:
                return backend
            if (self._secret_in(backend, key) if secret else backend.load().get(key)) is not None:
                raise IdentityReadOnly(
                    f"{key} can't be changed: {backend.location} gives it and can't be written",
                    hint=f"change it in {backend.location}",
                )
        raise IdentityReadOnly(
            f"the identity can't be written ({self.location or 'it has no backend'})",
            hint="use an identity that can be, such as the built-in `file`",
        )

    def _clear_behind(self, target: IdentityBackend, clear: Callable[[IdentityBackend], object]) -> None:
        """What a backend for a part has taken is left nowhere else."""
        if isinstance(target, KeepsPart):
            for backend in self.backends[self.backends.index(target) + 1 :]:
                if backend.writable:
                    clear(backend)

    def _secret_in(self, backend: IdentityBackend, name: str) -> str | None:
        if isinstance(backend, KeyFiles):
            return backend.load_secret(name, self.memory)
        return backend.load_secret(name)


def _apply(fields: MutableMapping[str, Any], changes: Mapping[str, Any]) -> Any:
    for key, value in changes.items():
        if value is None:
            fields.pop(key, None)
        else:
            fields[key] = value
    return fields


def _save_changed(backend: IdentityBackend, changes: Mapping[str, Any]) -> None:
    before = backend.load()
    after = _apply(dict(before), changes)
    if after != before:
        backend.save(after)
