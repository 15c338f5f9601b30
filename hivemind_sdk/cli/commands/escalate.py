"""`escalate`: send one bus message up the chain of hubs."""

from __future__ import annotations

from ..sending import verb_command

command = verb_command(
    "escalate",
    """Send one bus message up the chain of hubs.

    Each hub on the way may deliver it, if it stands at the site that --siteid (or the identity) names.""",
)
