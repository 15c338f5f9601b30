"""Built-in plugin: an observer that keeps a health file fresh, for `hivemind-client health` and whatever supervises."""

from __future__ import annotations

from dataclasses import dataclass

from hivemind_sdk.contracts import Observer
from hivemind_sdk.hooks import ObserverPlugin, hookimpl

HIVEMIND_API = 1


@dataclass(frozen=True)
class HealthOptions:
    """`file`: what to write; None: nothing. `every`: seconds between two times. One satellite for each file."""

    file: str | None = None
    every: float = 5.0

    def __post_init__(self) -> None:
        if not self.every > 0:
            raise ValueError(f"every is {self.every}, and should be above 0")


def create(options: HealthOptions) -> Observer:
    from .file import HealthFile

    return HealthFile(options.file, options.every)


@hookimpl
def hivemind_observers() -> list[ObserverPlugin]:
    return [
        ObserverPlugin(name="health", create=create, options=HealthOptions, help="keeps a health file, if one is named")
    ]
