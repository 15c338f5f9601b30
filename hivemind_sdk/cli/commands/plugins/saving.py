"""Saving what the user has chosen: the outcome, where it is kept, and what the environment says against it."""

from __future__ import annotations

import os
from typing import Any

from ....plugins.config import Change, edit
from ...console import fitted, json_line, line, one_line, warn


def save(
    change: Change, done: str, told: dict[str, Any], *, same: str, overruled_by: str = "", as_json: bool = False
) -> None:
    """Change the config file and say so. `same`: what does it in the environment; `overruled_by`: what is set there."""
    path = edit(change)
    if overruled_by:
        warn(
            f"{overruled_by} is set in the environment, and counts instead of what the file says: this changes nothing"
        )
    if as_json:
        json_line({**told, "file": str(path), "overruled_by": overruled_by or None})
        return
    line(fitted(one_line(done)))
    line(fitted(one_line(f"saved in {path}")), dim=True)
    line(fitted(one_line(f"the same for a container: {same}")), dim=True)


def is_set(variable: str) -> str:
    """The variable, if the environment has it."""
    return variable if variable in os.environ else ""
