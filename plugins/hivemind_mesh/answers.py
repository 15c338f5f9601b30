"""What QUERY and CASCADE answers have in common: the id that they answer, who answered, how a stream ends."""

from __future__ import annotations

from hivemind_sdk.cascade import COMPLETE, NO_ANSWER, Answer
from hivemind_sdk.messages import BusMessage, HiveMessage

__all__ = ["COMPLETE", "NO_ANSWER", "Answer", "query_id_of"]


def query_id_of(message: HiveMessage, bus: BusMessage) -> str:
    """The id of the request: in the metadata, or where they did not survive in the inner message; else empty."""
    for found in (message.metadata.get("query_id"), bus.context.get("query_id"), bus.data.get("query_id")):
        if isinstance(found, str) and found:
            return found
    return ""
