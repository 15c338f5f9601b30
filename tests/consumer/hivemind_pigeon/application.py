"""Watches a satellite."""

from __future__ import annotations

from collections.abc import Callable

from hivemind_sdk import BusMessage, Satellite
from hivemind_sdk.contracts import Application


class Perch:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self._end: Callable[[], object] = lambda: None

    def start(self, satellite: Satellite) -> None:
        def heard(message: BusMessage) -> None:
            self.seen.append(message.msg_type)

        self._end = satellite.on_bus("speak", heard).cancel

    def close(self) -> None:
        self._end()


application: Application = Perch()
