"""The public surface in lines of text, read from the sources: the same on every Python, and nothing is run but the CLI.

A line is `WHERE NAME...`: a module and a name of it (`hivemind_sdk.hooks CipherPlugin.cipher: str`), or a command and
what it takes (`hivemind-client plugins check --all`). What is public, docs/explanation/compatibility.md says.

`python tests/surface/describe.py` writes it to public.txt, when a version is released.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import click

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs/explanation/compatibility.md"
RECORD = Path(__file__).parent / "public.txt"
PROGRAM = "hivemind-client"
PRIVATE_CALLS = {"TypeVar", "getLogger", "object"}
"""what makes a constant that is nobody's business"""


class Home(NamedTuple):
    """Where a name is defined."""

    module: str
    node: ast.AST
    name: str


def public_modules() -> dict[str, tuple[str, ...]]:
    """Module -> its public names; none: all of them."""
    rows = re.findall(r"^\| `(hivemind_sdk[\w.]*)` \| (.+?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {module: () if names == "all" else tuple(re.findall(r"`(\w+)`", names)) for module, names in rows}


def surface() -> list[str]:
    """All of it, sorted."""
    listed = {module: names or exported(module) for module, names in public_modules().items()}
    homes = {(module, name): resolved(module, name) for module, names in listed.items() for name in names}
    lines = [line for (module, name), home in homes.items() for line in described(module, name, home, homes)]
    return sorted({*lines, *commands()})


def exported(module: str) -> tuple[str, ...]:
    """What `__all__` says; else what is defined there and has no underscore."""
    stated = getattr(import_module(module), "__all__", None)
    if stated is not None:
        return tuple(name for name in stated if not name.startswith("_"))
    names = (one.name for node in parsed(module).body for one in defined(module, node))
    return tuple(name for name in names if not name.startswith("_"))


def described(module: str, name: str, home: Home, homes: dict[tuple[str, str], Home]) -> Iterator[str]:
    if home.module != module and (home.module, home.name) in homes:
        yield f"{module} {name}: the one of {home.module}"
    elif isinstance(home.node, ast.ClassDef):
        yield f"{module} {name}: class({', '.join(map(ast.unparse, home.node.bases))}){decorators(home.node)}"
        for text in members(home.module, home.node, {*homes.values()}).values():
            yield f"{module} {name}.{text}"
    else:
        yield f"{module} {text_of(home._replace(name=name))}"


def members(module: str, node: ast.ClassDef, public: set[Home]) -> dict[str, str]:
    """Public members by name, with those of base classes that are not public themselves."""
    found: dict[str, str] = {}
    for stated in reversed(node.bases):  # the first one is asked first
        base = stated.value if isinstance(stated, ast.Subscript) else stated
        home = resolved_or_none(module, base.id) if isinstance(base, ast.Name) else None
        if home and home not in public:
            assert isinstance(home.node, ast.ClassDef)
            found |= members(home.module, home.node, public)
    for child in node.body:
        for one in defined(module, child):
            if one.name == "__init__" or not one.name.startswith(("_", "test_")):
                found[one.name] = text_of(one)
    return found


def text_of(home: Home) -> str:
    """One definition in one line."""
    node, name = home.node, home.name
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        return f"{name}({ast.unparse(node.args)}){result}{decorators(node)}"
    if isinstance(node, ast.ClassDef):
        return f"{name}: class{decorators(node)}"
    if isinstance(node, ast.Module):
        functions = [one.name for one in node.body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")]
        return f"{name}: module with {', '.join(functions)}"
    assert isinstance(node, ast.Assign | ast.AnnAssign)
    kind = f": {ast.unparse(node.annotation)}" if isinstance(node, ast.AnnAssign) else ""
    return f"{name}{kind}" + (f" = {ast.unparse(node.value)}" if node.value else "")


def decorators(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return "".join(f" @{ast.unparse(one)}" for one in node.decorator_list)


@cache
def parsed(module: str) -> ast.Module:
    return ast.parse(source_of(module).read_text(encoding="utf-8"))


def source_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def defined(module: str, node: ast.AST) -> Iterator[Home]:
    """What this statement defines."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield Home(module, node, node.name)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and not is_private(node.value):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            for part in ast.walk(target):
                if isinstance(part, ast.Name):
                    yield Home(module, node, part.id)


def is_private(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in PRIVATE_CALLS


def resolved_or_none(module: str, name: str) -> Home | None:
    """Where this name of ours comes from, through however many imports; None for somebody else's."""
    for node in parsed(module).body:
        for one in defined(module, node):
            if one.name == name:
                return one
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if name == (alias.asname or alias.name) and (source := imported_from(module, node)):
                    inner = f"{source}.{alias.name}"
                    if source_of(inner).is_file():
                        return Home(source, parsed(inner), alias.name)
                    return resolved_or_none(source, alias.name)
    return None


def resolved(module: str, name: str) -> Home:
    home = resolved_or_none(module, name)
    assert home, f"{module} has no {name}, and {PAGE.name} says so"
    return home


def imported_from(module: str, node: ast.ImportFrom) -> str:
    """The module of ours; empty for any other."""
    if not node.level:
        return node.module if node.module and node.module.partition(".")[0] == "hivemind_sdk" else ""
    package = module.split(".") if source_of(module).name == "__init__.py" else module.split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])


def commands() -> Iterator[str]:
    from hivemind_sdk.cli.app import client
    from hivemind_sdk.cli.failures import MEANING

    yield from walked(PROGRAM, client)
    yield from (f"{PROGRAM} exit code {code}: {meaning}" for code, meaning in MEANING.items())


def walked(path: str, command: click.Command) -> Iterator[str]:
    yield path
    for one in command.params:
        names = " ".join([*one.opts, *one.secondary_opts]) if isinstance(one, click.Option) else one.human_readable_name
        variable = f" ${one.envvar}" if one.envvar else ""
        many = " many" if one.nargs != 1 or getattr(one, "multiple", False) else ""
        value = "" if getattr(one, "is_flag", False) else f" {one.type.name}"
        yield f"{path} {names}{value}{many}{' required' if one.required else ''}{variable}"
    for name in getattr(command, "table", ()):
        inner = command.get_command(click.Context(command), name)  # type: ignore[attr-defined]
        yield from walked(f"{path} {name}", inner)


if __name__ == "__main__":
    from hivemind_sdk import __version__

    RECORD.write_text("\n".join([f"# {__version__}", *surface(), ""]), encoding="utf-8")
