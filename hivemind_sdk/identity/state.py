"""The identity as a value: fields and secrets from one or several backends, and changes on their way back.

Credentials are read, node state is written: a backend of the first kind (environment, mounted secret) stands before one
of the second, which then takes what is written. What is in memory counts at once; it is stored by `save`, `write` and
`write_secret` only, and merged into what other programs have stored meanwhile. Does no I/O of its own.
"""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..errors import IdentityReadOnly
from .private_files import Turn

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


@runtime_checkable
class LocksOut(Protocol):
    """What a backend also offers that several processes may write at once."""

    def exclusive(self) -> AbstractContextManager[object]:
        """Within it no other process changes what is kept here. A thread may enter it again. Raises IdentityError."""


def apply_changes(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> JSONObject:
    """The fields with these changes, a JSON Merge Patch (RFC 7396): objects are merged, all else is replaced, and
    None removes.

    Neither argument is changed, and the result shares no object with them.
    """
    result: JSONObject = copy.deepcopy(dict(fields))
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            before = result.get(key)
            result[key] = apply_changes(before if isinstance(before, Mapping) else {}, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> JSONObject:
    """The smallest changes that make `after` of `before`: what others change in the meantime is left alone by them."""
    changes: JSONObject = dict.fromkeys(
        key for key, value in before.items() if value is not None and after.get(key) is None
    )
    for key, value in after.items():
        old = before.get(key)
        if value is None or (key in before and old == value):
            continue
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            changes[key] = changes_between(old, value)
        else:
            changes[key] = copy.deepcopy(value)
    return changes


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
        self._turn = Turn()
        """held while something is changed; what is read is there at any moment"""
        self._exclusive = 0
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
        value = self.memory.get(key)
        return dict(value) if isinstance(value, dict) else value

    def read_secret(self, name: str) -> str | None:
        """Read once, then kept until it changes or `reload`."""
        if name in (known := self._secrets):
            return known[name]
        with self._turn:  # a secret and the field that says where it is change one after the other
            found = (self._secret_in(backend, name) for backend in self.backends)
            text = self._secrets[name] = next((text for text in found if text is not None), None)
            return text

    def files(self) -> KeyFiles | None:
        """The first backend whose secrets are files."""
        return next((backend for backend in self.backends if isinstance(backend, KeyFiles)), None)

    def is_changed(self, key: str) -> bool:
        """Whether a field in memory differs from what is stored, as far as we know."""
        return bool(self.memory.get(key) != self._stored.get(key))

    def _patch(self) -> JSONObject:
        """What was changed in memory, and is not stored yet."""
        return changes_between(self._stored, self.memory)

    # --- changing ---

    def locked(self) -> AbstractContextManager[Any]:
        """A context in which no other thread changes this identity in memory."""
        return self._turn

    def put(self, key: str, value: Any) -> None:
        """Change a field in memory; None removes it. It counts at once and is stored by `save`."""
        with self._turn:
            _apply(self.memory, {key: copy.deepcopy(value)})
            self._secrets = {}  # they may be named by this field

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """A context in which nobody else, other programs included, changes this identity: to read, then write.

        What is read inside is what is stored now, with our unsaved changes on top.
        """
        with self._turn, ExitStack() as stack:
            for backend in self.backends:
                if backend.writable and isinstance(backend, LocksOut):
                    stack.enter_context(backend.exclusive())
            if not self._exclusive:
                self._refresh()
            self._exclusive += 1
            try:
                yield
            finally:
                self._exclusive -= 1

    def write(self, key: str, value: Any) -> None:
        """Change one field in memory and where it is kept. Nothing else is stored.

        Of an object only the entries are stored that differ from what we knew: those of other programs stay.
        """
        with self._turn:  # compared with what the caller has seen, before what others have stored is looked at
            before = copy.deepcopy(self.memory.get(key))
            self.put(key, value)
            changes = {key: self._patch().get(key)} if self.is_changed(key) else {}
            try:
                with self.exclusive():
                    self._store(changes)
            except BaseException:
                self.put(key, before)
                raise

    def move(self, key: str) -> None:
        """Store a field where it belongs now, such as in a keyring that has come into use; it is left nowhere else."""
        with self._turn, self.exclusive():
            self._store({key: self.read(key)})

    def write_secret(self, name: str, text: str | None, also: Mapping[str, Any] | None = None) -> None:
        """Store a secret, then in one step the field that names it and the fields in `also`."""
        field = SECRET_FIELDS.get(name)
        with self.exclusive():
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
            self._secrets = {}

    def save(self) -> None:
        """Store what was changed in memory, and take over what others have stored meanwhile.

        Only changed fields, and changed entries of objects, are written: programs that share an identity do not undo
        each other's changes.
        """
        with self._turn:
            if self._patch():  # else nothing is written, and no file or folder made
                with self.exclusive():
                    self._store(self._patch())
            self.reload()

    def reload(self) -> None:
        """Forget what was changed in memory."""
        with self._turn:
            self._stored = self._load()
            self._secrets = {}
            _become(self.memory, self._stored)

    # --- inside ---

    def _load(self) -> JSONObject:
        fields: JSONObject = {}
        for backend in reversed(self.backends):
            fields.update({key: value for key, value in backend.load().items() if value is not None})
        if "name" not in fields and fields.get("key"):
            fields["name"] = node_name(fields)
        return fields

    def _refresh(self) -> None:
        """Take over what others have stored, and keep what was changed here."""
        changes = self._patch()
        self._stored = self._load()
        self._secrets = {}
        _become(self.memory, apply_changes(self._stored, changes))

    def _store(self, changes: Mapping[str, Any]) -> None:
        routed: dict[int, JSONObject] = {}
        for key, value in changes.items():
            routed.setdefault(self.backends.index(self._target(key)), {})[key] = value
        for index, part in routed.items():
            _update(self.backends[index], part)
            self._clear_behind(self.backends[index], partial(_update, changes=dict.fromkeys(part)))
        self._stored = apply_changes(self._stored, changes)

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


def _become(fields: MutableMapping[str, Any], wanted: JSONObject) -> None:
    """In place, entry by entry: others hold this mapping, and look at it without a lock."""
    for key in [key for key in fields if key not in wanted]:
        del fields[key]
    fields.update({key: copy.deepcopy(value) for key, value in wanted.items() if fields.get(key) != value})


def _update(backend: IdentityBackend, changes: JSONObject) -> None:
    before = backend.load()
    if apply_changes(before, changes) != before:
        backend.update(changes)
