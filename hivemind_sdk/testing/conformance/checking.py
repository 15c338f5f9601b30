"""Installed plugins held to their contracts, each in a process of its own: one that exits or hangs fails, no more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...plugins.inspection import child_command
from ...plugins.inspection.processes import Answer, ask
from ...plugins.records import Origin

LIMIT = 300.0
"""seconds for all checks of one plugin"""


@dataclass(frozen=True)
class Checked:
    """What came of one plugin. `reason`: why it could not be checked at all, or empty.

    `unchecked`: records (`kind:name`) for which there is no contract. `results`: what `Result` has, and `record`.
    """

    origin: Origin
    reason: str = ""
    unchecked: tuple[str, ...] = ()
    results: tuple[dict[str, Any], ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether it was loaded, and no check failed."""
        return not self.reason and not any(one["outcome"] == "failed" for one in self.results)


def check_installed(origins: Sequence[Origin], limit: float = LIMIT) -> list[Checked]:
    """Import and check each of these plugins, for at most `limit` seconds each."""
    package = __name__.rpartition(".")[0]
    commands = [child_command(package, origin, limit) for origin in origins]
    return [_read(origin, answer) for origin, answer in zip(origins, ask(commands, limit), strict=True)]


def _read(origin: Origin, answer: Answer) -> Checked:
    if answer.failure:
        return Checked(origin, answer.failure)
    told = json.loads(answer.line)
    return Checked(origin, told["reason"], tuple(told["unchecked"]), tuple(told["results"]))
