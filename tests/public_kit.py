"""What plugins may build on, for the tests of those that we ship and of those that `plugins new` makes."""

from __future__ import annotations

import ast
from pathlib import Path

PUBLIC = {
    "",
    "contracts",
    "cpu",
    "dialling",
    "envelope",
    "errors",
    "hooks",
    "identity",
    "messages",
    "observations",
    "settings",
}
"""modules of hivemind_sdk that a plugin builds on; "" is what `hivemind_sdk` itself hands out"""


def imported(file: Path) -> set[str]:
    """The modules of hivemind_sdk that a file imports, as in PUBLIC."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
    return {name.partition(".")[2] for name in found if name.partition(".")[0] == "hivemind_sdk"}


def not_public(folder: Path) -> dict[str, set[str]]:
    """File -> what the sources of a distribution import that is not public."""
    sources = list(folder.glob("src/**/*.py"))
    assert sources
    return {file.name: imported(file) - PUBLIC for file in sources if imported(file) - PUBLIC}
