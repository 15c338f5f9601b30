"""Built-in plugin: an identity from environment variables and mounted secrets, for containers. It is read only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hivemind_sdk.hooks import IdentityPlugin, hookimpl

if TYPE_CHECKING:
    from hivemind_sdk.contracts import IdentityBackend

HIVEMIND_API = 1


@dataclass(frozen=True)
class EnvOptions:
    """`secrets`: the folder with mounted secrets, `hivemind_password` and such; it need not be there."""

    secrets: str = "/run/secrets"


def create(options: EnvOptions, app: str | None = None) -> IdentityBackend:  # noqa: ARG001  one container, one application
    from .backend import EnvironmentIdentity

    return EnvironmentIdentity(options.secrets)


@hookimpl
def hivemind_identities() -> list[IdentityPlugin]:
    return [
        IdentityPlugin(
            name="env",
            create=create,
            options=EnvOptions,
            help="environment variables and mounted secrets (read only)",
        )
    ]
