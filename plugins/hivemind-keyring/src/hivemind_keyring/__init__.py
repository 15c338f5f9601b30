"""The secrets of an identity in the operating system's keyring. Only the record: `keyring` is imported later."""

from __future__ import annotations

from dataclasses import dataclass

from hivemind_sdk.contracts import IdentityBackend
from hivemind_sdk.hooks import IdentityPlugin, hookimpl

HIVEMIND_API = 1


@dataclass(frozen=True)
class KeyringOptions:
    """`service`: the name under which the keyring shows the entries."""

    service: str = "hivemind"


def create(options: KeyringOptions, app: str | None = None) -> IdentityBackend:
    from .backend import KeyringIdentity

    return KeyringIdentity(f"{options.service}/{app}" if app else options.service)


@hookimpl
def hivemind_identities() -> list[IdentityPlugin]:
    return [
        IdentityPlugin(
            name="keyring",
            create=create,
            options=KeyringOptions,
            help="access key, password and private keys in the system's keyring; needs `file` behind it",
        )
    ]
