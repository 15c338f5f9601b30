"""NodeIdentity: see hivemind_sdk.NodeIdentity, which has the reference's names."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

from hivemind_sdk import NodeIdentity as SDKIdentity
from hivemind_sdk.errors import IdentityFileCorrupted, IdentityReadOnly
from hivemind_sdk.identity import apply_changes

__all__ = ["IdentityFileCorrupted", "NodeIdentity", "shared_identity_for"]

log = logging.getLogger(__name__)


class NodeIdentity(SDKIdentity):
    """`IDENTITY_FILE` can be set: to a storage object (`JsonStorage`), or anything with `get` and items."""

    @property
    def IDENTITY_FILE(self) -> Any:  # noqa: N802 the reference's name
        return self.__dict__["fields"]

    @IDENTITY_FILE.setter
    def IDENTITY_FILE(self, fields: Any) -> None:  # noqa: N802
        state = self.__dict__.get("_identity")
        if state is None or fields is not state.memory:
            if isinstance(getattr(fields, "path", None), str):
                super().__init__(fields)
            else:
                self._storage = _Storage(fields)
                super().__init__(backend=self._storage)
                self.state.memory = fields
        self.__dict__["fields"] = fields

    def save(self) -> None:
        super().save()
        self._tell("store")

    def reload(self) -> None:
        self._tell("reload")
        super().reload()

    def _tell(self, verb: str) -> None:
        """Of a storage object without a path: let it do so too."""
        call = getattr(self.__dict__["fields"], verb, None)
        if "_storage" in self.__dict__ and callable(call):
            call()


class _Storage:
    """A backend of one object with items, and perhaps a `store` and `reload` of its own. Key files it has none."""

    writable = True
    location = "memory"

    def __init__(self, fields: MutableMapping[str, Any]) -> None:
        self._fields = fields

    def load(self) -> dict[str, Any]:
        return {key: self._fields[key] for key in self._fields}

    def update(self, changes: Mapping[str, Any]) -> None:
        for key, value in apply_changes(self.load(), changes).items():
            self._fields[key] = value
        for key in [key for key, value in changes.items() if value is None]:
            self._fields.pop(key, None)

    def load_secret(self, name: str) -> str | None:  # noqa: ARG002
        return None

    def save_secret(self, name: str, text: str | None) -> str:  # noqa: ARG002
        raise IdentityReadOnly("an identity without a path keeps no key files", hint="give its storage a path")


def shared_identity_for(owner: str) -> NodeIdentity:
    """The identity that all programs of this user share, with a warning for `owner`, which should have its own."""
    log.warning("%s uses the identity of all programs of this user; NodeIdentity(app_name=...) gives it its own", owner)
    return NodeIdentity()
