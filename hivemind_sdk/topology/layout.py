"""Where things go: hubs in columns by their distance, the nodes that hang on one in a panel beside it. Geometry only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_HEIGHTS = (2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 26, 34, 50)
"""rows of a panel that are tried"""
_SHAPE = 1.4
"""width by height that a picture should have"""
_COLUMN = 900.0
"""units; about what a page shows without shrinking it"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of what is placed, in units of the picture."""

    hub: tuple[float, float]
    leaf: tuple[float, float]
    across: float = 46.0
    """between the columns"""
    between: float = 14.0
    """between what is below each other"""
    inset: float = 8.0
    """around the leaves of a panel, and between its columns"""


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """`boxes`: name -> its place. `panels`: hub -> the panel with its leaves."""

    boxes: Mapping[str, Box]
    panels: Mapping[str, Box]
    width: float
    height: float


def arrange(top: str, hubs: Mapping[str, Sequence[str]], leaves: Mapping[str, Sequence[str]], sizes: Sizes) -> Layout:
    """`hubs`, `leaves`: hub -> what hangs on it. The layout, among some, that fits a page best. No recursion."""
    columns: list[tuple[str, int]] = [(top, 0)]
    for hub, depth in columns:  # grows as it is read
        columns += [(below, depth + 1) for below in hubs.get(hub, ())]
    return min((_place(columns, hubs, leaves, sizes, rows) for rows in _HEIGHTS), key=_awkwardness)


def _awkwardness(layout: Layout) -> float:
    shape = abs(math.log(layout.width / layout.height / _SHAPE))
    return shape + 2 * max(0.0, math.log(layout.width / _COLUMN))


def _place(
    columns: Sequence[tuple[str, int]],
    hubs: Mapping[str, Sequence[str]],
    leaves: Mapping[str, Sequence[str]],
    sizes: Sizes,
    rows: int,
) -> Layout:
    panels = {hub: _panel(len(leaves[hub]), sizes, rows) for hub, _ in columns if leaves.get(hub)}
    inner: dict[str, float] = {}
    outer: dict[str, float] = {}
    for hub, _ in reversed(columns):
        parts = [outer[below] for below in hubs.get(hub, ())]
        if hub in panels:
            parts.append(panels[hub].height)
        inner[hub] = _stack(parts, sizes.between)
        outer[hub] = max(inner[hub], sizes.hub[1])
    boxes: dict[str, Box] = {}
    placed: dict[str, Box] = {}
    tops = {columns[0][0]: 0.0}
    for hub, depth in columns:
        x, y = depth * (sizes.hub[0] + sizes.across), tops[hub]
        boxes[hub] = Box(x, y + (outer[hub] - sizes.hub[1]) / 2, *sizes.hub)
        y += (outer[hub] - inner[hub]) / 2
        if hub in panels:
            found = panels[hub]
            panel = placed[hub] = Box(boxes[hub].right + sizes.across, y, found.width, found.height)
            boxes.update(_fill(panel, leaves[hub], sizes))
            y = panel.y + panel.height + sizes.between
        for below in hubs.get(hub, ()):
            tops[below] = y
            y += outer[below] + sizes.between
    return Layout(boxes, placed, max(box.right for box in (*boxes.values(), *placed.values())), outer[columns[0][0]])


def _panel(number: int, sizes: Sizes, rows: int) -> Box:
    across = math.ceil(number / rows)
    down = math.ceil(number / across)
    width = across * (sizes.leaf[0] + sizes.inset) + sizes.inset
    return Box(0, 0, width, down * sizes.leaf[1] + 2 * sizes.inset)


def _fill(panel: Box, names: Sequence[str], sizes: Sizes) -> Iterable[tuple[str, Box]]:
    """Column by column, so that neighbours in the alphabet are below each other."""
    width, height = sizes.leaf
    down = round((panel.height - 2 * sizes.inset) / height)
    for place, name in enumerate(names):
        column, row = divmod(place, down)
        yield name, Box(
            panel.x + sizes.inset + column * (width + sizes.inset), panel.y + sizes.inset + row * height, width, height
        )


def _stack(parts: Sequence[float], between: float) -> float:
    return sum(parts) + between * (len(parts) - 1) if parts else 0.0
