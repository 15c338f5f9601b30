"""Why a satellite does not work: each step from the name of the hub to its answer, with a verdict and a fix."""

from __future__ import annotations

from .diagnosis import diagnose
from .installation import installation
from .steps import NAMES, NOT_REACHED, Outcome, Step

__all__ = ["NAMES", "NOT_REACHED", "Outcome", "Step", "diagnose", "installation"]
