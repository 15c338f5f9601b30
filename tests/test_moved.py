"""The list of what became of old tests names tests that there are."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINE = re.compile(r"(\S+\.py) \S+ -> ((?:tests|plugins)/.*)")
NAME = re.compile(r"(\S+\.py)|\b((?:Test\w+::)?test_\w+)")


@cache
def defined(file: str) -> set[str]:
    """Functions and classes of this file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {
        one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }


def targets() -> list[tuple[str, str]]:
    """File and test of each that an old one became; of a method, which may be inherited, its class."""
    found = []
    for line in Path(__file__).with_name("moved.txt").read_text(encoding="utf-8").splitlines():
        if match := LINE.fullmatch(line):
            file = match[1]
            for named, test in NAME.findall(match[2].partition(" (")[0]):
                file = named or file
                if test:
                    found.append((file, test.partition("::")[0]))
    return found


def test_each_new_name_in_the_list_of_moved_tests_is_there():
    assert len(targets()) > 100
    assert [(file, name) for file, name in targets() if name not in defined(file)] == []
