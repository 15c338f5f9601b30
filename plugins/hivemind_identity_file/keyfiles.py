"""The key files beside an identity: their names, and where a recorded path leads (wire-v3.md section 11)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from hivemind_sdk.errors import IdentityError
from hivemind_sdk.identity import NOISE_KEY, NOISE_PSKS, PRIVATE_PEM, SECRET_FIELDS, node_name, user_path
from hivemind_sdk.identity.private_files import is_file

_OURS = re.compile(r"HiveMindComs(-[0-9a-f]{8})?\.pem")
_UNRECORDED = {PRIVATE_PEM: "{}.pem", NOISE_KEY: "{}_noise.key"}
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def path_of(folder: Path, name: str, fields: Mapping[str, Any]) -> Path:
    """Where the key called `name` is, or would be looked for, in an identity with these fields.

    Recorded paths are relative to the identity (client 1.2) or absolute (0.8); an absolute one that leads nowhere, as
    in an identity that was moved, falls back to the identity's folder. Raises IdentityError for what can't be a name.
    """
    if name == NOISE_PSKS:  # belongs to the Noise key and is named after it
        noise = path_of(folder, NOISE_KEY, fields)
        return noise.with_name(f"{noise.stem}_psks.json")
    if name not in SECRET_FIELDS:
        if not _NAME.fullmatch(name):
            hint = "use lower-case letters, digits, '.', '_' and '-'"
            raise IdentityError(f"{name[:80]!r} can't name a secret", hint=hint)
        return folder / name
    recorded = _recorded(name, fields)
    if not recorded:
        return folder / _UNRECORDED[name].format(node_name(fields))
    windows = PureWindowsPath(recorded)
    if windows.drive and not Path(recorded).drive:  # the identity comes from Windows
        return folder / windows.name
    expanded = user_path(recorded)
    path = folder / expanded
    beside = folder / path.name
    if is_file(path) or not (expanded.is_absolute() or recorded.startswith("/")):
        return path
    return beside if is_file(beside) or not _can_hold(path) else path


def new_place(folder: Path, name: str, fields: Mapping[str, Any]) -> Path:
    """Where a key is written: at its place, under a name that stays in the folder if none is recorded."""
    if name in SECRET_FIELDS and not _recorded(name, fields):
        return folder / _UNRECORDED[name].format(re.sub(r"[/\\\0]", "_", node_name(fields)))
    return path_of(folder, name, fields)


def new_private(folder: Path, *, other: bool) -> Path:
    """The file for a new private key: under the reference's name, or (`other`) one that none has yet."""
    return folder / (f"HiveMindComs-{os.urandom(4).hex()}.pem" if other else "HiveMindComs.pem")


def record(folder: Path, name: str, path: Path) -> str:
    """How the field names this file. Client 0.8 reads `secret_key` from wherever it runs, so that one is absolute."""
    return path.name if name != PRIVATE_PEM and path.parent == folder else str(path)


def is_ours(folder: Path, path: Path) -> bool:
    """Whether this private key was named by us (or by the reference's create_keys)."""
    return path.parent == folder and _OURS.fullmatch(path.name) is not None


def _recorded(name: str, fields: Mapping[str, Any]) -> str:
    value = fields.get(SECRET_FIELDS[name])
    return value if isinstance(value, str) else ""


def _can_hold(path: Path) -> bool:
    """Whether a file could be made at `path`, folders included."""
    there = next((folder for folder in path.parents if folder.is_dir()), path)
    return os.access(there, os.W_OK)
