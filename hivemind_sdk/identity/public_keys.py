"""Public keys: how people are shown them, and whose owner a node trusts.

Trust comes from a signature that fits a known key, and from nothing that a peer can just claim.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..contracts import RSA, HandlerContext


def fingerprint(key: bytes) -> str:
    """As people know it from SSH: `SHA256:` and 43 characters. `key`: a raw static key, or the DER of an RSA key."""
    return "SHA256:" + base64.b64encode(sha256(key).digest()).decode().rstrip("=")


def pem_fingerprint(pem: str) -> str:
    """The fingerprint of what a PEM text holds, however its lines are broken. Raises ValueError for what is no PEM."""
    lines = [line.strip() for line in pem.strip().splitlines()]
    if len(lines) < 2 or not lines[0].startswith("-----BEGIN ") or not lines[-1].startswith("-----END "):
        raise ValueError("not a PEM text")
    return fingerprint(base64.b64decode("".join(lines[1:-1]), validate=True))


def bare(pem: str) -> str:
    """A PEM without white space: line ends differ between those who print it."""
    return "".join(pem.split())


def is_trusted(pem: str | None, trusted_keys: Mapping[str, str]) -> bool:
    return pem is not None and any(bare(pem) == bare(known) for known in trusted_keys.values())


def candidates(context: HandlerContext) -> Iterator[str]:
    """The keys whose owner may speak to this node end to end: those it trusts, and its hub's."""
    yield from context.trusted_keys.values()
    if context.hub_key:
        yield context.hub_key


def signer_of(data: bytes, signature: bytes, context: HandlerContext, rsa: RSA) -> str | None:
    """PEM of the known key that made this signature; None where no known key did."""
    for pem in candidates(context):
        try:
            if rsa.verify(pem, data, signature):
                return pem
        except Exception:  # noqa: BLE001, S112 - a key that can't be used verifies nothing; the others still may
            continue
    return None
