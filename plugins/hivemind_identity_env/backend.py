"""Who we are, says the environment: `HIVEMIND_X`, else the file of `HIVEMIND_X_FILE`, else a mounted secret."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hivemind_sdk.errors import IdentityError, IdentityReadOnly, SettingsError
from hivemind_sdk.identity import NOISE_KEY, PRIVATE_PEM, text_of, user_path

if TYPE_CHECKING:
    from hivemind_sdk.messages import JSONObject

FIELDS = {
    "HIVEMIND_KEY": "access_key",
    "HIVEMIND_PASSWORD": "password",
    "HIVEMIND_HOST": "default_master",
    "HIVEMIND_PORT": "default_port",
    "HIVEMIND_SITEID": "site_id",
    "HIVEMIND_NAME": "name",
    "HIVEMIND_LANG": "lang",
    "HIVEMIND_PUBLIC_KEY": "public_key",
    "HIVEMIND_PROVISIONED_KEY": "provisioned_key",
}
"""variable -> field of the identity; the names are those of the command line's options"""
SECRETS = {PRIVATE_PEM: "HIVEMIND_PRIVATE_KEY", NOISE_KEY: "HIVEMIND_NOISE_KEY"}
"""secret -> variable"""
_LARGEST = 64 * 1024


class EnvironmentIdentity:
    """See contracts.IdentityBackend. Reads environment and files at each call, so a secret that was renewed counts."""

    writable = False
    location = "the environment"

    def __init__(self, secrets: str, environ: Mapping[str, str] | None = None) -> None:
        """`environ` None: that of the process."""
        self._folder = Path(secrets)
        self._environ = os.environ if environ is None else environ

    def load(self) -> JSONObject:
        """Raises SettingsError for a port that is no number, or a variable that is set in two ways; IdentityError."""
        fields: JSONObject = {field: self._value(name) for name, field in FIELDS.items()}
        port = fields["default_port"]
        if port is not None:
            text = port.strip()
            if not text.isdecimal():
                raise SettingsError("HIVEMIND_PORT is not a number", hint="use a number from 1 to 65535")
            fields["default_port"] = int(text)
        for name in ("default_master", "site_id", "name", "lang"):
            fields[name] = (fields[name] or "").strip() or None
        return {field: value for field, value in fields.items() if value is not None}

    def update(self, changes: JSONObject) -> None:  # noqa: ARG002
        raise self._read_only()

    def load_secret(self, name: str) -> str | None:
        """Raises IdentityError."""
        return self._value(SECRETS[name]) if name in SECRETS else None

    def save_secret(self, name: str, text: str | None) -> str:  # noqa: ARG002
        raise self._read_only()

    def _value(self, name: str) -> str | None:
        value, file = self._environ.get(name), self._environ.get(f"{name}_FILE")
        if value and file:
            raise SettingsError(f"both {name} and {name}_FILE are set", hint="unset one of them")
        if file:
            return self._read(user_path(file, f"{name}_FILE"), f"{name}_FILE")
        mounted = self._folder / name.lower()
        return value or (self._read(mounted, "the mounted secret") if mounted.is_file() else None)

    def _read(self, path: Path, what: str) -> str | None:
        """Line ends after the last line are the editor's. Raises IdentityError, without what is in the file."""
        try:
            with path.open("rb") as file:
                return text_of(file.read(_LARGEST)).rstrip("\r\n") or None
        except OSError as error:
            reason = error.strerror or type(error).__name__
        except ValueError:
            reason = "it is not text"
        raise IdentityError(f"{what} {str(path)!r} can't be read: {reason}", hint="check what is mounted there")

    def _read_only(self) -> IdentityReadOnly:
        return IdentityReadOnly(
            "the environment can't be written",
            hint="put an identity behind it that can: HIVEMIND_IDENTITY=env,file",
        )
