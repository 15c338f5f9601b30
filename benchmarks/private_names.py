"""Where the tests touch private names of the product: each place is one that a change inside of it may break.

Names that nothing of ours defines are those of other software, such as the servers of the interop tests.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

_PUBLIC = frozenset({"_asdict", "_replace", "_fields", "_make"})
"""of named tuples"""
_FOREIGN = frozenset({"os", "sys", "ssl", "socket", "asyncio", "threading"})
"""modules of others"""
_PATCHES = ("setattr", "delattr")


def touched(folder: Path, product: Iterable[Path]) -> Iterator[tuple[Path, int, str]]:
    """File, line and name of each use of `_name`: imported from ours, of an object that the file does not make itself,
    or patched. `product`: folders of our sources.
    """
    ours = set(_defined(product))
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        mine = set(_made_here(tree))
        for node in ast.walk(tree):
            for name in _names(node):
                if _is_private(name) and name in ours and name not in mine and name not in _PUBLIC:
                    yield path, node.lineno, name  # type: ignore[attr-defined]


def _defined(folders: Iterable[Path]) -> Iterator[str]:
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        yield path.stem
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield node.name
            elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.attr if isinstance(node, ast.Attribute) else node.id


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hivemind_"):
        yield from (alias.name for alias in node.names)
        yield from (node.module or "").split(".")
    elif isinstance(node, ast.Attribute):
        owner = ast.unparse(node.value)
        if owner not in ("self", "cls", "super()") and owner not in _FOREIGN:
            yield node.attr
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _PATCHES:
        texts = (one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str))
        yield from (text.rpartition(".")[2] for text in texts)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", *_PATCHES):
        yield from (one.value for one in node.args[1:2] if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _made_here(tree: ast.AST) -> Iterator[str]:
    """Names that this file gives to functions, classes and attributes of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            yield node.attr


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
