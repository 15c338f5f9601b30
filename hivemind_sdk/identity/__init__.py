"""The identity of a node: its fields and secrets, whom it trusts, and how private files are written."""

from __future__ import annotations

from ..settings.user_input import config_home, text_of, user_path
from . import private_files
from .private_files import FileLock
from .public_keys import bare, candidates, fingerprint, is_trusted, pem_fingerprint, signer_of
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
    apply_changes,
    changes_between,
    node_name,
)

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
    "apply_changes",
    "bare",
    "candidates",
    "changes_between",
    "config_home",
    "fingerprint",
    "is_trusted",
    "node_name",
    "pem_fingerprint",
    "private_files",
    "signer_of",
    "text_of",
    "user_path",
]
