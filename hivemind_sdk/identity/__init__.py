"""The identity of a node: its fields and secrets, whom it trusts, and how private files are written."""

from __future__ import annotations

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
    node_name,
)
from .trust import bare, candidates, is_trusted, signer_of

__all__ = [
    "DEFAULT_NAME",
    "NOISE_KEY",
    "NOISE_PSKS",
    "PRIVATE_PEM",
    "SECRET_FIELDS",
    "Identity",
    "KeepsPart",
    "KeyFiles",
    "bare",
    "candidates",
    "fingerprint",
    "is_trusted",
    "node_name",
    "pem_fingerprint",
    "signer_of",
]
