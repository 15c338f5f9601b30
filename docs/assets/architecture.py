"""Draws architecture.svg, the picture on the page `Architecture`: `python docs/assets/architecture.py`.

Boxes are the folders and files at the root of hivemind_sdk/, in the rows of the layer contract in pyproject.toml; an
arrow says that one imports the other. What follows from other arrows is left out. tests/docs/test_architecture.py fails
when the picture and the imports differ.
"""

from __future__ import annotations

import ast
import re
import sys
from html import escape
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import structure

PICTURE = Path(__file__).with_suffix(".svg")
WIDTH, ROW, BOX, GAP, MARGIN = 920, 92, 56, 24, 70
WIDEST = 400
STYLE = """<style>
svg{background:#fff;font-family:system-ui,sans-serif} rect{fill:#eef3fb;stroke:#3b6db3} text{fill:#14233b}
.name{font-weight:600} path{stroke:#6b7a90;fill:none} marker path{fill:#6b7a90}
@media(prefers-color-scheme:dark){
svg{background:#12161d} rect{fill:#1d2838;stroke:#7fb0f2} text{fill:#e6edf7}
path{stroke:#8c9bb3} marker path{fill:#8c9bb3}}
</style>"""
TIP = (
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0 L8 4 L0 8 z"/></marker>'
)


def rows() -> list[list[str]]:
    """The layers of pyproject.toml, highest first: names of folders and files that exist."""
    named = [
        [name.strip(" ()") for name in row.split("|")]
        for row in structure.layers()
    ]
    return [
        found
        for row in named
        if (found := [name for name in row if exists(name)])
    ]


def exists(name: str) -> bool:
    return (structure.PACKAGE / name).is_dir() or (
        structure.PACKAGE / f"{name}.py"
    ).is_file()


def arrows() -> dict[str, set[str]]:
    """Folder or file -> those that it imports, without what follows from others."""
    edges: dict[str, set[str]] = {name: set() for row in rows() for name in row}
    for module, targets in structure.imports(structure.modules()).items():
        for target in targets:
            here, there = top(module), top(target)
            if here in edges and there in edges and here != there:
                edges[here].add(there)
    return {
        name: {
            one
            for one in targets
            if not any(
                one in reached(edges, other) for other in targets - {one}
            )
        }
        for name, targets in edges.items()
    }


def top(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def reached(edges: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        for one in edges[todo.pop()] - found:
            found.add(one)
            todo.append(one)
    return found


def says(name: str) -> str:
    """The first sentence of its docstring."""
    folder = structure.PACKAGE / name
    path = (
        folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    )
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return re.split(r"(?<=[.])\s|\n\n", text.replace("\n", " "), maxsplit=1)[
        0
    ].rstrip(".")


def svg() -> str:
    layers = rows()
    height = ROW * len(layers) + GAP
    places: dict[str, tuple[float, float, float]] = {}
    for number, row in enumerate(layers):
        width = min(
            WIDEST, (WIDTH - 2 * MARGIN - GAP * (len(row) - 1)) / len(row)
        )
        left = (WIDTH - len(row) * width - (len(row) - 1) * GAP) / 2
        for at, name in enumerate(row):
            places[name] = (
                left + at * (width + GAP),
                GAP + number * ROW,
                width,
            )
    label = "The folders of hivemind_sdk in layers, with arrows to what each imports"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">',
        STYLE,
        TIP,
    ]
    taken = {True: 0, False: 0}
    for name, targets in arrows().items():
        for target in sorted(targets):
            start, end = places[name], places[target]
            if end[1] - start[1] > ROW:
                right = (
                    middle_of(end) + (middle_of(start) - WIDTH / 2) / 100
                    >= WIDTH / 2
                )
                parts.append(detour(start, end, taken[right], right=right))
                taken[right] += 1
            else:
                parts.append(arrow(start, end))
    for name, (x, y, width) in places.items():
        middle = x + width / 2
        parts.append(
            f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{BOX}" rx="8"/>'
        )
        parts.append(
            f'<text class="name" x="{middle:.0f}" y="{y + 22}" text-anchor="middle" font-size="15">{name}</text>'
        )
        text = shortened(says(name), int(width / 6.6))
        parts.append(
            f'<text x="{middle:.0f}" y="{y + 42}" text-anchor="middle" font-size="12">{escape(text)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def arrow(
    start: tuple[float, float, float], end: tuple[float, float, float]
) -> str:
    """From the lower edge of one box to the upper edge of another, between the boxes on the way."""
    x1, y1 = start[0] + start[2] / 2, start[1] + BOX
    x2, y2 = end[0] + end[2] / 2, end[1]
    half = min(end[2], start[2]) / 3
    x2 += max(-half, min(half, (x1 - x2) / 4))
    return f'<path d="M{x1:.0f} {y1} C{x1:.0f} {y1 + 24} {x2:.0f} {y2 - 30} {x2:.0f} {y2 - 2}" marker-end="url(#tip)"/>'


def middle_of(place: tuple[float, float, float]) -> float:
    return place[0] + place[2] / 2


def detour(
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    number: int,
    *,
    right: bool,
) -> str:
    """Around the boxes of the rows between, on the side of the target, each further out than the last."""
    out = 10 + 9 * number
    x1, x2 = (
        (start[0] + start[2], end[0] + end[2]) if right else (start[0], end[0])
    )
    edge = WIDTH - MARGIN + out if right else MARGIN - out
    y1, y2 = start[1] + BOX / 2, end[1] + BOX / 2 - 8
    return f'<path d="M{x1:.0f} {y1:.0f} H{edge} V{y2:.0f} H{x2:.0f}" marker-end="url(#tip)"/>'


def shortened(text: str, length: int) -> str:
    return (
        text
        if len(text) <= length
        else text[: text.rindex(" ", 0, length - 1)] + " …"
    )


if __name__ == "__main__":
    PICTURE.write_text(svg(), encoding="utf-8")
