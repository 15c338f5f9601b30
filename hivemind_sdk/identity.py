"""The identity as a value: fields and secrets from one or several backends, and changes on their way back.

Credentials are read, node state is written: a backend of the first kind (environment, mounted secret) stands before one
of the second, which then takes what is written. What is in memory counts at once; it is stored by `save`, `write` and
`write_secret` only. Does no I/O of its own.
"""

from __future__ import annotations

import copy
import posixpath
import threading
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .errors import IdentityReadOnly

if TYPE_CHECKING:
    from .contracts import IdentityBackend
    from .messages import JSONObject

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
            target = self._target({field, *(also or {})}, name)
            where = target.save_secret(name, text)
            changes = {**({field: where if text is not None else None} if field else {}), **(also or {})}
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
        target = self._target(changes)
        before = target.load()
        after = _apply(dict(before), changes)
        if after != before:
            target.save(after)
        _apply(self._stored, changes)

    def _target(self, keys: Iterable[str | None], secret: str | None = None) -> IdentityBackend:
        """The backend that takes these fields. A change that one before it would hide is refused."""
        for backend in self.backends:
            if backend.writable:
                return backend
            held = backend.load()
            hiding = sorted(key for key in keys if key and held.get(key) is not None)
            if secret is not None and self._secret_in(backend, secret) is not None:
                hiding.append(secret)
            if hiding:
                raise IdentityReadOnly(
                    f"{', '.join(hiding)} can't be changed: {backend.location} gives it and can't be written",
                    hint=f"change it in {backend.location}",
                )
        raise IdentityReadOnly(
            f"the identity can't be written ({self.location or 'it has no backend'})",
            hint="use an identity that can be, such as the built-in `file`",
        )

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
