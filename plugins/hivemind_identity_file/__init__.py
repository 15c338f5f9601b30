"""Built-in plugin: the identity file of the reference client (wire.md section 11, wire-v3.md section 11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hivemind_sdk.hooks import IdentityPlugin, hookimpl

if TYPE_CHECKING:
    from hivemind_sdk.contracts import IdentityBackend

HIVEMIND_API = 1


@dataclass(frozen=True)
class FileOptions:
    """`path`: the identity file of all applications; None: where the reference client has them.

    `shared_fallback`: an application without an identity of its own uses the shared one, with a warning.
    """

    path: str | None = None
    shared_fallback: bool = True


def create(options: FileOptions, app: str | None = None) -> IdentityBackend:
    """Raises SettingsError for an application name or a path that can't be used. Without a home nothing is kept."""
    from .backend import FileIdentity
    from .location import locate

    place = locate(options.path, app, shared_fallback=options.shared_fallback)
    if place.path is None:
        from .nowhere import NoHome

        return NoHome()
    return FileIdentity(place.path, uses_shared_fallback=place.shared)


@hookimpl
def hivemind_identities() -> list[IdentityPlugin]:
    return [
        IdentityPlugin(
            name="file", create=create, options=FileOptions, help="a file in the user's configuration folder (0600)"
        )
    ]
