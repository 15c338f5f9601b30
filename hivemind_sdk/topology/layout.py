"""Where things go: hubs by their distance, what hangs on one in a panel beside it. Geometry only, no recursion."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from .._startup import dataclass

_HEIGHTS = (2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 26, 34, 50)
"""rows of a panel that are tried"""
_SHAPE = 1.4
"""width by height that a picture should have"""
_COLUMN = 900.0
"""units; about what a page shows without shrinking it"""
_WIDEST = 1200.0
"""units; a wider tree becomes an outline: tall pictures stay legible, wide ones do not"""
_OUTLINE = 1040.0
_INDENT = 26.0

Family = Mapping[str, Sequence[str]]
"""hub -> what hangs on it"""


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
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """`boxes`: name -> its place. `panels`: hub -> the panel with its leaves. `outline`: hubs are below each other."""

    boxes: Mapping[str, Box]
    panels: Mapping[str, Box]
    outline: bool = False

    @property
    def width(self) -> float:
        return max(box.right for box in (*self.boxes.values(), *self.panels.values()))

    @property
    def height(self) -> float:
        return max(box.bottom for box in (*self.boxes.values(), *self.panels.values()))


def arrange(top: str, hubs: Family, leaves: Family, sizes: Sizes) -> Layout:
    """A tree from left to right, of the shape that fits a page best; an outline where that would be too wide."""
    columns: list[tuple[str, int]] = [(top, 0)]
    for hub, depth in columns:  # grows as it is read
        columns += [(below, depth + 1) for below in hubs.get(hub, ())]
    if (columns[-1][1] + 1) * (sizes.hub[0] + sizes.across) < _WIDEST:
        best = min((_tree(columns, hubs, leaves, sizes, rows) for rows in _HEIGHTS), key=_awkwardness)
        if best.width <= _WIDEST:
            return best
    return _outline(top, hubs, leaves, sizes)


def _awkwardness(layout: Layout) -> float:
    width = layout.width
    return abs(math.log(width / layout.height / _SHAPE)) + 2 * max(0.0, math.log(width / _COLUMN))


def _tree(columns: Sequence[tuple[str, int]], hubs: Family, leaves: Family, sizes: Sizes, rows: int) -> Layout:
    """Each hub in the middle of what hangs on it: its panel, then the hubs."""
    crowds = {hub: len(leaves[hub]) for hub, _ in columns if hub in leaves}
    panels = {hub: _panel(crowd, math.ceil(crowd / rows), sizes) for hub, crowd in crowds.items()}
    inner: dict[str, float] = {}
    outer: dict[str, float] = {}
    for hub, _ in reversed(columns):
        parts = [outer[below] for below in hubs.get(hub, ())]
        if hub in panels:
            parts.append(panels[hub][1])
        inner[hub] = sum(parts) + sizes.between * max(0, len(parts) - 1)
        outer[hub] = max(inner[hub], sizes.hub[1])
    boxes: dict[str, Box] = {}
    placed: dict[str, Box] = {}
    tops = {columns[0][0]: 0.0}
    for hub, depth in columns:
        x, y = depth * (sizes.hub[0] + sizes.across), tops[hub]
        boxes[hub] = Box(x, y + (outer[hub] - sizes.hub[1]) / 2, *sizes.hub)
        y += (outer[hub] - inner[hub]) / 2
        if hub in panels:
            placed[hub] = Box(boxes[hub].right + sizes.across, y, *panels[hub])
            boxes.update(_fill(placed[hub], leaves[hub], sizes))
            y = placed[hub].bottom + sizes.between
        for below in hubs.get(hub, ()):
            tops[below] = y
            y += outer[below] + sizes.between
    return Layout(boxes, placed)


def _outline(top: str, hubs: Family, leaves: Family, sizes: Sizes) -> Layout:
    """Hubs below each other, indented; each panel fills the width that is left."""
    boxes: dict[str, Box] = {}
    placed: dict[str, Box] = {}
    waiting, y = [(top, 0)], 0.0
    while waiting:
        hub, depth = waiting.pop()
        box = boxes[hub] = Box(depth * _INDENT, y, *sizes.hub)
        bottom = box.bottom
        if hub in leaves:
            x = box.right + sizes.across / 2
            room = int((_OUTLINE - x - sizes.inset) / (sizes.leaf[0] + sizes.inset))
            panel = placed[hub] = Box(x, y, *_panel(len(leaves[hub]), max(1, room), sizes))
            boxes.update(_fill(panel, leaves[hub], sizes))
            bottom = max(bottom, panel.bottom)
        y = bottom + sizes.between
        waiting += [(below, depth + 1) for below in reversed(hubs.get(hub, ()))]
    return Layout(boxes, placed, outline=True)


def _panel(number: int, columns: int, sizes: Sizes) -> tuple[float, float]:
    """Width and height."""
    down = math.ceil(number / columns)
    across = math.ceil(number / down)
    return across * (sizes.leaf[0] + sizes.inset) + sizes.inset, down * sizes.leaf[1] + 2 * sizes.inset


def _fill(panel: Box, names: Sequence[str], sizes: Sizes) -> Iterable[tuple[str, Box]]:
    """Column by column, so that neighbours in the alphabet are below each other."""
    width, height = sizes.leaf
    down = round((panel.height - 2 * sizes.inset) / height)
    for place, name in enumerate(names):
        column, row = divmod(place, down)
        x = panel.x + sizes.inset + column * (width + sizes.inset)
        yield name, Box(x, panel.y + sizes.inset + row * height, width, height)
