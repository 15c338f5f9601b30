"""`propagate`: send one bus message to the whole hive."""

from __future__ import annotations

from ..sending import verb_command

command = verb_command(
    "propagate",
    """Send one bus message to the whole hive.

    Nodes may deliver it, if they stand at the site that --siteid (or the identity) names and trust its sender.""",
)
