"""NodeIdentity: see hivemind_sdk.NodeIdentity, which has the reference's names."""

from __future__ import annotations

import logging

from hivemind_sdk import NodeIdentity
from hivemind_sdk.errors import IdentityFileCorrupted

__all__ = ["IdentityFileCorrupted", "NodeIdentity", "shared_identity_for"]

log = logging.getLogger(__name__)


def shared_identity_for(owner: str) -> NodeIdentity:
    """The identity that all programs of this user share, with a warning for `owner`, which should have its own."""
    log.warning("%s uses the identity of all programs of this user; NodeIdentity(app_name=...) gives it its own", owner)
    return NodeIdentity()
