"""The identity of a node: its fields and secrets, whom it trusts, and how private files are written."""

from __future__ import annotations

from ..settings.user_input import config_home, text_of, user_path
from . import merge_patch, private_files
from .file_lock import FileLock
from .fingerprints import fingerprint, pem_fingerprint
from .state import (
    DEFAULT_NAME,
    NOISE_KEY,
    NOISE_PSKS,
    PRIVATE_PEM,
    SECRET_FIELDS,
    Identity,
    KeepsPart,
    KeyFiles,
    LocksOut,
    node_name,
)
from .trust import bare, candidates, is_trusted, signer_of

__all__ = [
    "DEFAULT_NAME",
    "NOISE_KEY",
    "NOISE_PSKS",
    "PRIVATE_PEM",
    "SECRET_FIELDS",
    "FileLock",
    "Identity",
    "KeepsPart",
    "KeyFiles",
    "LocksOut",
    "bare",
    "candidates",
    "config_home",
    "fingerprint",
    "is_trusted",
    "merge_patch",
    "node_name",
    "pem_fingerprint",
    "private_files",
    "signer_of",
    "text_of",
    "user_path",
]
