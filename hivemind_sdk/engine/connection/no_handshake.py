"""Why both sides have no handshake in common, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import NoCommonHandshake
from .config import LinkConfig, NamedHandshake


def none_in_common(config: LinkConfig, declined: Sequence[str]) -> NoCommonHandshake:
    """`declined`: what each handshake that was asked said."""
    lowest, highest = config.min_protocol, config.max_protocol
    forbidden = [one for one in config.handshakes if one not in config.allowed()]
    reasons = [
        *declined,
        *(f"{one.name}: protocol {one.protocol} is outside of the allowed {lowest} to {highest}" for one in forbidden),
    ]
    text = "; ".join(reasons) or "none is installed"
    return NoCommonHandshake(f"no handshake that both sides can do ({text})", hint=_way_out(config, forbidden))


def _way_out(config: LinkConfig, forbidden: Sequence[NamedHandshake]) -> str:
    newest = max((one.protocol for one in forbidden), default=0)
    if newest > config.max_protocol:
        return f"the hub may want protocol {newest}: allow it with max_protocol={newest} (`--max-protocol {newest}`)"
    here = max((one.protocol for one in config.handshakes), default=0)
    there = config.context.offer.get("max_protocol_version")
    if type(there) is int and there > here:
        return (
            f"the hub speaks protocol {there}, and no handshake that is active here does: see `hivemind-client "
            "plugins`; or check the password and min_protocol"
        )
    return "check the password, min_protocol and `hivemind-client plugins`"
