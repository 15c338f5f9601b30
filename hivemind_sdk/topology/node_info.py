"""What one node has said of itself, and what we saw of it."""

from __future__ import annotations

from .._startup import dataclass


@dataclass(slots=True)
class NodeInfo:
    """A node that answered a flood. All but `received_at`, `rtt_ms` and `heard_at` is its own word, or that of hubs.

    `timestamp`, `received_at`: UNIX seconds, by its clock and by ours; for people only. `route`: the names on the way
    from the node to us, in order, as hubs recorded them. `trusted`: it *claims* a key that we trust.
    """

    peer: str
    site_id: str | None = None
    timestamp: float | None = None
    received_at: float | None = None
    public_key: str | None = None
    lang: str | None = None
    trusted: bool = False
    rtt_ms: float | None = None
    """from the start of our own flood to its answer; None where it has only answered others'"""
    route: tuple[str, ...] = ()
    heard_at: float = 0.0
    """monotonic seconds"""

    @property
    def latency_ms(self) -> float | None:
        """The reference's name for `rtt_ms`; there it is a difference of two clocks."""
        return self.rtt_ms
