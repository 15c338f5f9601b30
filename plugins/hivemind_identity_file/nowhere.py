"""The identity of a user without a home, such as a container's bare uid: what is passed to a client is all there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivemind_sdk.errors import IdentityReadOnly

if TYPE_CHECKING:
    from hivemind_sdk.messages import JSONObject


class NoHome:
    """See contracts.IdentityBackend. Empty, and can't be written."""

    writable = False
    location = "nowhere: neither HOME nor XDG_CONFIG_HOME is set"

    def load(self) -> JSONObject:
        return {}

    def update(self, changes: JSONObject) -> None:  # noqa: ARG002
        raise self._read_only()

    def load_secret(self, name: str) -> str | None:  # noqa: ARG002
        return None

    def save_secret(self, name: str, text: str | None) -> str:  # noqa: ARG002
        raise self._read_only()

    def _read_only(self) -> IdentityReadOnly:
        return IdentityReadOnly(
            "the identity can't be written: this user has no home",
            hint="set XDG_CONFIG_HOME or HOME to a folder that can be written, or give the path of an identity file",
        )
