"""The secrets as entries of a keyring: one for all fields, so that they change in one step, and one for each key."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from hivemind_sdk.errors import IdentityError, IdentityFileCorrupted
from hivemind_sdk.identity import NOISE_KEY, NOISE_PSKS, PRIVATE_PEM, apply_changes

if TYPE_CHECKING:
    from hivemind_sdk.messages import JSONObject

T = TypeVar("T")
FIELDS = ("access_key", "password")
SECRETS = (PRIVATE_PEM, NOISE_KEY, NOISE_PSKS)
_CREDENTIALS = "credentials"


class KeyringIdentity:
    """See contracts.IdentityBackend and identity.KeepsPart. Asks the keyring at each call. Any thread."""

    writable = True

    def __init__(self, service: str) -> None:
        self._service = service
        self.location = f"the keyring, as {service!r}"

    def keeps(self, name: str) -> bool:
        return name in FIELDS or name in SECRETS

    def load(self) -> JSONObject:
        """Raises IdentityFileCorrupted, IdentityError where there is no keyring or it stays locked."""
        text = self._get(_CREDENTIALS)
        if text is None:
            return {}
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise IdentityFileCorrupted(
                f"the entry {_CREDENTIALS!r} in {self.location} holds no JSON object; it was left as it is",
                hint="remove it with the keyring's own program, then `hivemind-client set-identity`",
            )
        return found

    def update(self, changes: JSONObject) -> None:
        """Raises IdentityError. Other programs are kept out by the file behind it (`Identity.exclusive`)."""
        fields = apply_changes(self.load(), changes)
        try:
            text = json.dumps(fields, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            reason = type(error).__name__
        else:
            self._set(_CREDENTIALS, text if fields else None)
            return
        raise IdentityError(f"the identity can't be saved: a field holds what JSON can't ({reason})", hint="use text")

    def load_secret(self, name: str) -> str | None:
        return self._get(name)

    def save_secret(self, name: str, text: str | None) -> str:
        self._set(name, text)
        return self.location

    def _get(self, entry: str) -> str | None:
        import keyring

        return self._asked(lambda: keyring.get_password(self._service, entry))

    def _set(self, entry: str, text: str | None) -> None:
        import keyring

        if text is not None:
            self._asked(lambda: keyring.set_password(self._service, entry, text))
        elif self._get(entry) is not None:
            self._asked(lambda: keyring.delete_password(self._service, entry))

    def _asked(self, call: Callable[[], T]) -> T:
        """What a keyring raises may come from any of its backends, and may hold what was to be stored."""
        try:
            return call()
        except Exception as error:  # noqa: BLE001
            reason = type(error).__name__
        raise IdentityError(
            f"{self.location}, can't be used: {reason}",
            hint="is there a keyring, and is it unlocked? Without a desktop use HIVEMIND_IDENTITY=file, or env,file",
        )
