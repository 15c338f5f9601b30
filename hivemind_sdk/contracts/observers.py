"""Who is told what happens."""

from __future__ import annotations

from typing import Any, Protocol


class Observer(Protocol):
    """Told what happens, see `hivemind_sdk.observations`. Called from any thread; must be quick; what it raises is
    logged.
    """

    def observe(self, event: Any) -> None: ...
