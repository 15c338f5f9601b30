"""Plugins, built-in ones too, import the public modules for plugin authors and nothing else of the SDK."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from public_kit import is_public

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent.parent
ALLOWED = ("hooks", "contracts", "messages", "settings", "errors", "identity", "sockets", "testing")
FOR_APPLICATIONS = ("delivery", "doctor", "topology")
SDK = "hivemind_sdk"
GROUP = "hivemind_sdk"
BUILT_IN = sorted(ROOT.glob("plugins/hivemind_*"))
DISTRIBUTIONS = sorted(path for path in ROOT.glob("plugins/hivemind-*/src/hivemind_*") if path.is_dir())


def imported(code: str) -> Iterator[tuple[str, str]]:
    """Module and name of each import of an `hivemind_*` package; the name is empty for `import MODULE`.

    Imports in functions and for type checkers count, and so do module names in strings (`import_module`).
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((name, "") for name in [node.value] if re.fullmatch(r"hivemind_sdk(\.\w+)+", name))


def refused(code: str, package: str, *, may_import_sdk: bool) -> list[str]:
    """The imports of this code that a plugin may not have."""
    found = []
    for module, name in imported(code):
        top, _, rest = module.partition(".")
        if not top.startswith("hivemind_") or top == package:
            continue
        if top == SDK:
            path = ".".join(filter(None, [rest, name]))
            head = path.partition(".")[0]
            ours = head in ALLOWED or (may_import_sdk and (not rest or head in FOR_APPLICATIONS))
            if ours and name and is_public(module, name):
                continue
        found.append(f"{module} {name}".strip())
    return found


def may_import_sdk(folder: Path) -> bool:
    """Whether this distribution is an application or has one, or commands, as its entry points say."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = project.get("entry-points", {}).get(GROUP, {})
    return not names or any(name.startswith(("command.", "application.")) for name in names)


@pytest.mark.parametrize("package", [*BUILT_IN, *DISTRIBUTIONS], ids=lambda path: path.name)
def test_plugins_import_only_what_is_public_for_plugin_authors(package):
    applies = package.parent.name == "src" and may_import_sdk(package.parent.parent)
    sources = sorted(package.rglob("*.py"))
    found = {
        str(path.relative_to(package)): bad
        for path in sources
        if (bad := refused(path.read_text(encoding="utf-8"), package.name, may_import_sdk=applies))
    }
    assert sources
    assert found == {}


@pytest.mark.parametrize(
    ("code", "command", "bad"),
    [
        ("from hivemind_sdk.hooks import hookimpl", False, []),
        ("from hivemind_sdk.messages import HiveMessage", False, []),
        ("import hivemind_own.part", False, []),
        ("from hivemind_sdk import load", True, []),
        ("from hivemind_sdk import load", False, ["hivemind_sdk load"]),
        ("import hivemind_sdk", True, ["hivemind_sdk"]),
        ("import hivemind_sdk.engine.outbox", True, ["hivemind_sdk.engine.outbox"]),
        ("from hivemind_sdk import engine", True, ["hivemind_sdk engine"]),
        ("def f():\n    from hivemind_sdk.threads.store import MessageStore", True, None),
        ("if TYPE_CHECKING:\n    from hivemind_sdk.plugins.loader import load", True, None),
        ("from hivemind_sdk.messages.hive import HiveMessage", False, None),
        ("from hivemind_sdk.sockets.stream import Stream", False, None),
        ("import_module('hivemind_sdk.delivery')", False, ["hivemind_sdk.delivery"]),
        ("from hivemind_ciphers.cpu import has_aes", False, ["hivemind_ciphers.cpu has_aes"]),
    ],
)
def test_an_import_that_is_not_allowed_is_found(code, command, bad):
    found = refused(code, "hivemind_own", may_import_sdk=command)
    assert found == bad if bad is not None else len(found) == 1
