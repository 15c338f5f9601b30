"""The words that all contracts share: a frame, and which end of the link this is."""

from __future__ import annotations

from enum import Enum

Frame = str | bytes
"""what travels: a text frame or a binary one"""


class Role(str, Enum):
    """Which end of the link this is."""

    SATELLITE = "satellite"
    HUB = "hub"
