"""Which message a hub can't take, if links end while messages are on their way. No I/O, no clock.

A hub that gets a message above its limit ends the link: some with close code 1009, some without a code, as one that
restarts does. The message is durable, so it would be sent again on each link, and nothing behind it would arrive.
"""

from __future__ import annotations

from collections.abc import Iterable

from .entries import Entry

SUSPECT_SIZE = 1024 * 1024
"""bytes; a smaller message is not suspected of ending a link that was closed without code 1009"""
MOST_STRIKES = 2


def blame(on_its_way: Iterable[Entry], *, too_big: bool) -> Entry | None:
    """A link ended while these were on their way. Returns the entry that this is put down to: the largest durable one.

    With `too_big` (close code 1009) it gets a `verdict` at once. Otherwise it gets a strike if it is large, and the
    verdict with the second one, if other messages have passed since the first.
    """
    durable = [one for one in on_its_way if one.row is not None and not one.done]
    entry = max(durable, key=lambda one: one.size, default=None)
    if entry is None:
        return None
    if too_big:
        entry.verdict = f"the hub does not take a message of {entry.size} bytes: it closed the link with code 1009"
        return entry
    if entry.size <= SUSPECT_SIZE:
        return None
    entry.strikes += 1
    if entry.strikes >= MOST_STRIKES and entry.others_passed:
        entry.verdict = (
            f"the hub does not seem to take a message of {entry.size} bytes: {entry.strikes} links ended while it was "
            "sent, and other messages passed in between"
        )
    return entry
