"""The pre-shared key: derived from the password with Argon2id, and remembered no longer than that password holds.

A kept key (wire-v3.md section 4.7) lies in the secret `noise_psks.json`, beside a check value of the password that it
comes from. That check is salted, and keyed with the static key, which lies elsewhere (wire-v3.md section 14,
N-04): with another password, or without the static key, the entry is worth nothing and the key is derived anew. The
reference client keeps its own entries in the same file; neither reads the other's, and both leave them alone.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Generator
from hashlib import pbkdf2_hmac, sha256
from typing import Any

from hivemind_sdk.contracts import Argon2id, Compute, HandshakeContext
from hivemind_sdk.errors import IdentityReadOnly, MalformedFrame, RemoteProtocolError
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
    """The 32-byte PSK (wire-v3.md section 4.3). Takes 0.1 to 1 second, and 64 MiB.

    Raises MalformedFrame for a node id that is not valid text, HandshakeError where the memory is not to be had.
    """
    try:
        salt = sha256(node_id.encode()).digest()
    except UnicodeEncodeError:
        raise MalformedFrame("the hub's node_id is not valid text") from None
    return argon2id.derive(
        password.encode(errors="surrogatepass"), salt, time_cost=3, memory_kib=65536, parallelism=1, size=32
    )


class PskCache:
    """The keys that this node has derived: in memory for this process, and in its state where that can be written."""

    def __init__(self) -> None:
        self._memory: dict[str, tuple[str, bytes]] = {}

    def obtain(self, context: HandshakeContext, pepper: bytes) -> Generator[Compute, Any, bytes]:
        """Part of a HandshakeScript -> the PSK of this context. `pepper`: our static private key."""
        if context.credentials.provisioned_key:
            return bytes.fromhex(context.credentials.provisioned_key)
        password, node_id = context.credentials.password or "", context.hello["node_id"]
        slot = _slot(context)
        kept = self._memory.get(slot)
        if kept and hmac.compare_digest(_bytes(kept[0]), _bytes(password)):
            return kept[1]
        entry = _load(context).get(slot)
        psk: bytes | None = None
        if entry is not None:
            psk = yield Compute(lambda: _open(entry, password, pepper), "checking the kept key")
        if psk is None:
            argon2id, salt = context.crypto.primitive("ARGON2ID"), context.random(16)
            psk, entry = yield Compute(
                lambda: _seal(derive(argon2id, password, node_id), password, pepper, salt),
                "deriving the key from the password",
            )
            _keep(context, slot, entry)
        while len(self._memory) >= _IN_MEMORY:
            self._memory.pop(next(iter(self._memory)))
        self._memory[slot] = (password, psk)
        return psk

    def forget(self, context: HandshakeContext) -> None:
        """A handshake failed with the key of this context: it is derived anew the next time."""
        if context.credentials.provisioned_key:
            return
        slot = _slot(context)
        if self._memory.pop(slot, None) is not None or slot in _load(context):
            _keep(context, slot, None)


def _slot(context: HandshakeContext) -> str:
    """Names the cache entry, without telling the access key."""
    return sha256(_bytes(f"{context.credentials.access_key}\0{context.hello['node_id']}")).hexdigest()


def _load(context: HandshakeContext) -> dict[str, Any]:
    text = context.state.read_secret(SECRET)
    if not text or len(text) > _TEXT:
        return {}
    try:
        entries = loads(text)
    except RemoteProtocolError:
        return {}
    return entries if isinstance(entries, dict) else {}


def _keep(context: HandshakeContext, slot: str, entry: dict[str, str] | None) -> None:
    try:
        with context.state.exclusive():  # other programs keep theirs in the same place
            entries = _load(context)
            entries.pop(slot, None)
            if entry is not None:
                entries[slot] = entry
            newest = dict(list(entries.items())[-_ENTRIES:])
            context.state.write_secret(SECRET, json.dumps(newest) if newest else None)
    except IdentityReadOnly:
        return  # derived once for each process then


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
