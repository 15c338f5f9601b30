"""Where the identity file lies. The environment is read when asked, not at import (wire-v3.md section 11)."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import NamedTuple

from hivemind_sdk.errors import SettingsError
from hivemind_sdk.identity import config_home, user_path

log = logging.getLogger(__name__)

FILE_NAME = "_identity.json"
_APP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


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
