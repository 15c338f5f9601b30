"""What the engine did with an input: a value, or an error of its own. Anything else that is raised is a fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hivemind_sdk.errors import HiveMindError


def outcome(action: Callable[[], Any]) -> tuple[Any, HiveMindError | None]:
    """-> (value, None) or (None, error)"""
    try:
        return action(), None
    except HiveMindError as error:
        return None, error
