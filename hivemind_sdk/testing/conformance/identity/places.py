"""What the checks of an identity backend are made of: a place that is empty, and what is kept there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ....contracts import IdentityBackend
from ....identity.state import SECRET_FIELDS
from ....settings import Credentials
from ..contract import Contract, skip
from ..expect import must

FIELDS: dict[str, Any] = {
    "name": "Küche 🐝",
    "site_id": "kitchen",
    "password": "sw0rdf1sh-4711",
    "default_port": 5678,
    "pinned_noise_keys": {"hub:5678": "ab" * 32},
    "a field of the future": {"deep": [1, 2.5, True, None, {"er": ""}], "text": 'a\nb\t"c"\\'},
}
SECRET = "do-not-show-" + "5e" * 24


class Places(Contract):
    """What an author overrides, and how a check gets a backend."""

    credentials: ClassVar[Credentials] = Credentials("Sesame-4711-open", "sw0rdf1sh-4711")

    def backend(self) -> IdentityBackend:
        """A new object over the same place, for all calls of one check: as another program would make it."""
        raise NotImplementedError

    def corrupt(self) -> None:
        """Make what is stored unreadable. By default, every file in `folder` is overwritten."""
        files = self._files() or skip("it keeps no files in `folder`: override `corrupt`, if it can be corrupted")
        for path in files:
            path.write_bytes(b'{"password": "sw0rdf1sh-4711", ')

    def _writable(self) -> IdentityBackend:
        backend = self.backend()
        return backend if backend.writable else skip("it can't be written, and says so")

    def _saved(self) -> IdentityBackend:
        backend = self._writable()
        backend.update(dict(FIELDS))
        return backend

    def _save_secret(self, backend: IdentityBackend, name: str, text: str | None) -> None:
        """As `Identity` does: the field that names it is saved after it."""
        where = backend.save_secret(name, text)
        must(isinstance(where, str), f"save_secret gives {type(where).__name__}, and not where the secret is")
        field = SECRET_FIELDS.get(name)
        if field is not None:
            backend.update({field: None if text is None else where})

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def _contents(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self._files()}
