"""Built-in plugin: the identity file of the reference client (wire.md section 11, wire-v3.md section 11).

Where it lies is decided here. The environment is read when asked, not at import.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hivemind_sdk.errors import SettingsError
from hivemind_sdk.hooks import IdentityPlugin, hookimpl
from hivemind_sdk.identity import config_home, user_path

if TYPE_CHECKING:
    from hivemind_sdk.contracts import IdentityBackend

log = logging.getLogger(__name__)

HIVEMIND_API = 1
FILE_NAME = "_identity.json"
_APP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


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

    place = locate(options.path, app, shared_fallback=options.shared_fallback)
    if place.path is None:
        from .nowhere import NoHome

        return NoHome()
    return FileIdentity(place.path, uses_shared_fallback=place.shared)


class Place(NamedTuple):
    path: Path | None
    """None: there is no home to keep it in"""
    shared: bool
    """the file belongs to all applications of this user, because this one has none yet"""


def locate(path: str | None = None, app: str | None = None, *, shared_fallback: bool = True) -> Place:
    """`path` if given, whatever the application; else `<config>/hivemind/[<app>/]_identity.json`.

    An application that has no file yet gets the shared one where there is one: its keys are known to the hub, and a
    second set of them would be refused.
    """
    if path is not None:
        return Place(user_path(path, "identity file").absolute(), shared=False)
    home = config_home()
    if home is None:
        return Place(None, shared=False)
    folder = home / "hivemind"
    common = folder / FILE_NAME
    if app is None:
        return Place(common, shared=False)
    if not _APP.fullmatch(app):
        raise SettingsError(
            f"application name {app[:80]!r} can't be used",
            hint="use 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or a digit",
        )
    own = folder / app / FILE_NAME
    if not shared_fallback or own.exists() or own.is_symlink() or not common.exists():
        return Place(own, shared=False)
    log.warning(
        "%r has no identity of its own (%s) and uses the shared one (%s), as does every application without one; "
        "run `hivemind-client --app %s set-identity` to give it one",
        app,
        own,
        common,
        app,
    )
    return Place(common, shared=True)


@hookimpl
def hivemind_identities() -> list[IdentityPlugin]:
    return [
        IdentityPlugin(
            name="file", create=create, options=FileOptions, help="a file in the user's configuration folder (0600)"
        )
    ]
