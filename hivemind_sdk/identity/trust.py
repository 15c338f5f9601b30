"""Whom a node trusts: by a signature that fits a key it knows, and by nothing that a peer can just claim."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..contracts import RSA, HandlerContext


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
