"""What sources take from the SDK, and what of it is not public: of the docs, of plugins that we ship or make."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

from surface.describe import exported, public_modules


def imports(code: str) -> Iterator[tuple[str, str]]:
    """Module and name, of what this code imports from the SDK."""
    for node in ast.walk(ast.parse(textwrap.dedent(code))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "hivemind_sdk":
            yield from ((node.module or "", alias.name) for alias in node.names)


def is_public(module: str, name: str) -> bool:
    """What docs/explanation/compatibility.md says of it."""
    public = public_modules()
    return f"{module}.{name}" in public or (module in public and name in (public[module] or exported(module)))


def not_public(distribution: Path) -> list[str]:
    """What the sources of a distribution import that is not."""
    sources = list(distribution.glob("src/**/*.py"))
    assert sources
    found = ((path.name, *one) for path in sources for one in imports(path.read_text(encoding="utf-8")))
    return [f"{file}: {module} {name}" for file, module, name in found if not is_public(module, name)]
