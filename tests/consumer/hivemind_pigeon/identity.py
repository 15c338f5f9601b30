"""Identities that are gone when the program ends."""

from __future__ import annotations

from hivemind_sdk.contracts import IdentityBackend
from hivemind_sdk.errors import IdentityReadOnly
from hivemind_sdk.identity import apply_changes
from hivemind_sdk.messages import JSONObject


class Loft:
    def __init__(self, name: str, *, writable: bool = True) -> None:
        self.writable = writable
        self.location = f"the loft of {name}"
        self._fields: JSONObject = {}
        self._secrets: dict[str, str] = {}

    def load(self) -> JSONObject:
        return dict(self._fields)

    def update(self, changes: JSONObject) -> None:
        if not self.writable:
            raise IdentityReadOnly(f"{self.location} is shut")
        self._fields = apply_changes(self._fields, changes)

    def load_secret(self, name: str) -> str | None:
        return self._secrets.get(name)

    def save_secret(self, name: str, text: str | None) -> str:
        self._secrets.pop(name, None)
        if text is not None:
            self._secrets[name] = text
        return f"{self.location}: {name}"


backend: IdentityBackend = Loft("pigeons")
