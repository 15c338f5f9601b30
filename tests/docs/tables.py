"""Tables in Markdown pages, and the tests that they cite."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def table(page: Path, first: str, number: int = 0) -> list[dict[str, str]]:
    """The rows of the table whose first column has this head (the `number`th such table), as dictionaries."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start = [at for at, line in enumerate(lines) if line.startswith(f"| {first} |")][number]
    head = cells(lines[start])
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(head, cells(line), strict=True)))
    return rows


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def check_cited_tests(text: str) -> None:
    """Every `tests/...py` (or `tests/...py::test_name`) that is named exists, and at least one is."""
    found = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert found
    for path, name in found:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert not name or name in tests, f"{path} has no {name}"
        assert any(test.startswith("test_") for test in tests)


def sentences(page: Path) -> list[str]:
    """What a page says, in order: the sentences of its text and of its lists, and of a table the line of its heads.

    Headings, code blocks and citations of tests in parentheses are left out.
    """
    blocks: list[list[str]] = [[]]
    in_code = in_table = False
    for line in page.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        starts_table = text.startswith("|") and not in_table
        if text.startswith("```"):
            in_code = not in_code
        if starts_table or text.startswith("- ") or not text:
            blocks.append([])
        in_table = text.startswith("|")
        if not in_code and not text.startswith(("#", "```")) and (starts_table or not in_table):
            blocks[-1].append(text.removeprefix("- "))
    found = [one for block in blocks for one in re.split(r"(?<=[.!?])\s+(?=[A-Z*`(])", " ".join(block).strip()) if one]
    return [one for one in found if not re.fullmatch(r"\(.*`tests/.*\)\.?", one)]
