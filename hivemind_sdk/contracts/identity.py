"""Where an identity lives."""

from __future__ import annotations

from typing import Protocol

from ..messages import JSONObject


class IdentityBackend(Protocol):
    """Where an identity lives. Fields are those of the identity file (wire.md section 11), unknown ones included.

    Any thread. `load` of what does not exist yet gives {}. One that keeps a part only (secrets, say) also has
    `keeps(name) -> bool`, see identity.KeepsPart: all else goes to the backend behind it. One that several processes
    may write at once also has `exclusive()`, see identity.LocksOut.
    """

    writable: bool
    location: str
    """for people: a path, `environment`, the name of a keyring"""

    def load(self) -> JSONObject:
        """Raises IdentityFileCorrupted; what is stored stays as it was."""

    def update(self, changes: JSONObject) -> None:
        """Merge changes into the fields as they are stored now, in one step, or not at all.

        A JSON Merge Patch (RFC 7396; `identity.apply_changes` does it): None removes a field, an object is merged
        entry by entry, any other value replaces the field, and fields that are not named stay. Raises IdentityReadOnly,
        IdentityError.
        """

    def load_secret(self, name: str) -> str | None:
        """A key that is kept apart from the fields (`private.pem`, `noise.key`). None where there is none."""

    def save_secret(self, name: str, text: str | None) -> str:
        """Store it for this user only; None removes it. -> where it is, for the field that names the file."""
