"""Static keys: our own, and the pinned ones. A satellite pins hubs by address, a hub its clients by access key."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from hivemind_sdk.contracts import HandshakeContext, NodeState, Role
from hivemind_sdk.errors import IdentityFileCorrupted, IdentityReadOnly
from hivemind_sdk.settings import spellings

from .state import KEY_SIZE

SECRET = "noise.key"  # noqa: S105
"""the name of our private key in contracts.NodeState: 64 hexadecimal characters"""
_BLANKS = " \t\r\n\ufeff"
"""what editors put around a key"""
_HEX = re.compile(r"[0-9a-fA-F]{64}")


class StaticKey:
    """Our private key. Made and stored the first time it is needed."""

    def __init__(self) -> None:
        self._unsaved: bytes | None = None
        self._lock = threading.Lock()

    def load(self, state: NodeState, random: Callable[[int], bytes]) -> tuple[bytes, list[str]]:
        """-> (32 bytes, warnings). Raises IdentityFileCorrupted, and touches nothing, where the file is no key."""
        with self._lock:
            text = state.read_secret(SECRET)
            if text is not None:
                return _read(text), []
            private = self._unsaved or random(KEY_SIZE)
            try:
                with state.exclusive():  # of several programs that start for the first time, one makes the key of all
                    text = state.read_secret(SECRET)
                    if text is not None:
                        return _read(text), []
                    state.write_secret(SECRET, private.hex())
            except IdentityReadOnly as error:
                self._unsaved = private
                what = f"the Noise key could not be stored ({error}): it holds for this process only"
                return private, [f"{what}, and a hub that has pinned it refuses the next one"]
            return private, []


class Pins:
    """Trust on first use. What can't be stored holds for the life of this object."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._unsaved: dict[str, str] = {}
        self._lock = threading.Lock()

    def get(self, state: NodeState, name: str) -> bytes | None:
        """Raises IdentityFileCorrupted for a pin that is none: what can't be read must not pass for unknown."""
        pinned = self._unsaved.get(name) or self._stored(state, name)
        return None if pinned is None else _key(pinned, f"the pin of {name} in {self._field!r}")

    def put(self, state: NodeState, name: str, public: bytes) -> list[str]:
        """-> warnings"""
        with self._lock:
            try:
                with state.exclusive():
                    pins = self._load(state)
                    same = spellings(name, pins)
                    kept = {one: key for one, key in pins.items() if one not in same}
                    state.write(self._field, {**kept, name: public.hex()})
            except IdentityReadOnly as error:
                self._unsaved[name] = public.hex()
                return [f"the pin of {name} could not be stored ({error}): it holds for this process only"]
        return []

    def _stored(self, state: NodeState, name: str) -> Any:
        """The pin under this name, or under another spelling of it, as the reference client and versions before had."""
        pins = self._load(state)
        return next((pins[one] for one in spellings(name, pins)), None)

    def _load(self, state: NodeState) -> dict[str, Any]:
        pins = state.read(self._field)
        if pins is None:
            return {}
        if not isinstance(pins, dict):
            raise IdentityFileCorrupted(
                f"{self._field!r} in the identity is not an object", hint="correct or remove it"
            )
        return pins


def pin_name(context: HandshakeContext) -> str:
    """What the other side is pinned under. An access key is a secret, so only its hash is written."""
    if context.role is Role.SATELLITE:
        return context.authority
    return sha256(context.credentials.access_key.encode(errors="surrogatepass")).hexdigest()[:16]


def _read(text: str) -> bytes:
    return _key(text.strip(_BLANKS), f"the file of the key {SECRET!r}")


def _key(text: Any, where: str) -> bytes:
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise IdentityFileCorrupted(
            f"{where} is not {2 * KEY_SIZE} hexadecimal characters", hint="restore it from a backup, or remove it"
        )
    return bytes.fromhex(text)
