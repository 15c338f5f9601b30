"""The pre-shared key: derived from the password with Argon2id, and remembered no longer than that password holds.

A kept key (wire-v3.md section 4.7) lies in the secret `noise_psks.json`, beside a check value of the password that it
comes from. That check is salted, and keyed with the static key, which lies elsewhere (wire-v3.md section 14,
N-04): with another password, or without the static key, the entry is worth nothing and the key is derived anew. The
reference client keeps its own entries in the same file; neither reads the other's, and both leave them alone.
"""

from __future__ import annotations

import hmac
import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from hashlib import pbkdf2_hmac, sha256
from typing import Any

from hivemind_sdk.contracts import Argon2id, Compute, HandshakeContext
from hivemind_sdk.errors import (
    IdentityError,
    IdentityFileCorrupted,
    IdentityReadOnly,
    MalformedFrame,
    RemoteProtocolError,
)
from hivemind_sdk.messages.strict_json import loads

SECRET = "noise_psks.json"  # noqa: S105
"""the name of the cache in contracts.NodeState"""
_ENTRIES = 32
_TEXT = 1024 * 1024
"""a cache text longer than this is ignored"""
_IN_MEMORY = 1024
_ROUNDS = 1_000
"""of PBKDF2: 0.3 ms on a PC, at each connection; what keeps passwords from being tried is the static key in it"""


def derive(argon2id: Argon2id, password: str, node_id: str) -> bytes:
    """The 32-byte PSK (wire-v3.md section 4.3), derived once for all clients of this process.

    It depends on the password and the hub alone, not on the access key. The first call takes 0.1 to 1 second and
    64 MiB; calls for the same key meanwhile wait for it. Raises MalformedFrame for a node id that is not valid text,
    HandshakeError if the memory can't be allocated.
    """
    return DERIVED.get(argon2id, password, node_id)


class DerivedKeys:
    """Keys that were derived in this process, by password and hub. Any thread.

    A key is named by a keyed hash, so that no password is kept.
    """

    def __init__(self, size: int = _IN_MEMORY) -> None:
        self._size = size
        self._secret = os.urandom(32)
        self._keys: dict[bytes, _Key] = {}
        self._lock = threading.Lock()

    def get(self, argon2id: Argon2id, password: str, node_id: str) -> bytes:
        """The key of this password and hub; derived by the first caller. See `derive`."""
        kind = type(argon2id)
        parts = (kind.__module__, kind.__qualname__, password, node_id)
        name = hmac.digest(self._secret, b"\0".join(sha256(_bytes(part)).digest() for part in parts), "sha256")
        with self._lock:
            while len(self._keys) >= self._size and name not in self._keys:
                self._keys.pop(next(iter(self._keys)))
            key = self._keys.setdefault(name, _Key())
        with key.lock:
            if key.value is None:
                key.value = _derive(argon2id, password, node_id)
            return key.value

    def clear(self) -> None:
        """Forget all keys."""
        with self._lock:
            self._keys.clear()


class _Key:
    """One key; `lock` is held while it is derived."""

    __slots__ = ("lock", "value")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value: bytes | None = None


DERIVED = DerivedKeys()


def _derive(argon2id: Argon2id, password: str, node_id: str) -> bytes:
    try:
        salt = sha256(node_id.encode()).digest()
    except UnicodeEncodeError:
        raise MalformedFrame("the hub's node_id is not valid text") from None
    return argon2id.derive(_bytes(password), salt, time_cost=3, memory_kib=65536, parallelism=1, size=32)


class PskCache:
    """The keys that this node has derived: in memory for this process, and in its state where that can be written."""

    def __init__(self) -> None:
        self._memory: dict[str, tuple[str, bytes]] = {}
        self._doubted: set[str] = set()
        """slots whose kept key is not used any more, until another one is kept"""

    def find(self, context: HandshakeContext, pepper: bytes) -> bytes | None:
        """The key that is kept for this context, if it is. `pepper`: our static private key. May block."""
        if context.credentials.provisioned_key:
            return bytes.fromhex(context.credentials.provisioned_key)
        slot, password = _slot(context), context.credentials.password or ""
        kept = self._memory.get(slot)
        if kept and hmac.compare_digest(_bytes(kept[0]), _bytes(password)):
            return kept[1]
        entry = None
        if slot not in self._doubted:
            with suppress(IdentityError):  # it is derived then, and `derivation` tells why it can't be kept
                entry = _load(context).get(slot)
        psk = None if entry is None else _open(entry, password, pepper)
        if psk is not None:
            self._remember(slot, password, psk)
        return psk

    def derivation(self, context: HandshakeContext, pepper: bytes, warn: Callable[[str], object]) -> Compute:
        """The work that derives the key of this context, and keeps it.

        `warn` is told where it can't be stored: it is derived once for each process then. An identity that is
        read-only on purpose is no warning.
        """
        password, node_id = context.credentials.password or "", context.hello["node_id"]
        argon2id, salt, slot = context.crypto.primitive("ARGON2ID"), context.random(16), _slot(context)

        def work() -> bytes:
            psk, entry = _seal(derive(argon2id, password, node_id), password, pepper, salt)
            try:
                _keep(context, slot, entry)
            except IdentityReadOnly:
                pass
            except IdentityError as error:
                warn(f"the key derived from the password could not be stored ({error}): each process derives it anew")
            self._doubted.discard(slot)
            self._remember(slot, password, psk)
            return psk

        return Compute(work, "deriving the key from the password")

    def doubt(self, context: HandshakeContext) -> None:
        """A handshake failed with the key of this context: it is derived anew the next time. Does not block."""
        if not context.credentials.provisioned_key:
            slot = _slot(context)
            self._memory.pop(slot, None)
            self._doubted.add(slot)

    def forget(self, context: HandshakeContext) -> None:
        """The same, and what is stored of it is removed. May block."""
        self.doubt(context)
        with suppress(IdentityError):  # the next process finds it, and doubts it as this one did
            if not context.credentials.provisioned_key and _slot(context) in _load(context):
                _keep(context, _slot(context), None)

    def _remember(self, slot: str, password: str, psk: bytes) -> None:
        while len(self._memory) >= _IN_MEMORY:
            self._memory.pop(next(iter(self._memory)))
        self._memory[slot] = (password, psk)


def _slot(context: HandshakeContext) -> str:
    """Names the cache entry, without telling the access key."""
    return sha256(_bytes(f"{context.credentials.access_key}\0{context.hello['node_id']}")).hexdigest()


def _load(context: HandshakeContext) -> dict[str, Any]:
    """Raises IdentityError where the store can't be read at the moment; what is damaged is empty."""
    try:
        text = context.state.read_secret(SECRET)
    except IdentityFileCorrupted:
        return {}
    if not text or len(text) > _TEXT:
        return {}
    try:
        entries = loads(text)
    except RemoteProtocolError:
        return {}
    return entries if isinstance(entries, dict) else {}


def _keep(context: HandshakeContext, slot: str, entry: dict[str, str] | None) -> None:
    """Raises IdentityError."""
    with context.state.exclusive():  # other programs keep theirs in the same place
        entries = _load(context)
        entries.pop(slot, None)
        if entry is not None:
            entries[slot] = entry
        newest = dict(list(entries.items())[-_ENTRIES:])
        context.state.write_secret(SECRET, json.dumps(newest) if newest else None)


def _seal(psk: bytes, password: str, pepper: bytes, salt: bytes) -> tuple[bytes, dict[str, str]]:
    return psk, {"psk": psk.hex(), "salt": salt.hex(), "check": _check(password, pepper, salt).hex()}


def _open(entry: Any, password: str, pepper: bytes) -> bytes | None:
    try:
        psk, salt, check = (bytes.fromhex(entry[field]) for field in ("psk", "salt", "check"))
    except (TypeError, KeyError, ValueError):
        return None
    return psk if len(psk) == 32 and hmac.compare_digest(check, _check(password, pepper, salt)) else None


def _check(password: str, pepper: bytes, salt: bytes) -> bytes:
    return pbkdf2_hmac("sha256", _bytes(password), b"hivemind psk cache" + pepper + salt, _ROUNDS)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
