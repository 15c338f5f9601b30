"""What the picture looks like: colours for light and dark, sizes of letters, shapes. Everything works as plain SVG."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from xml.sax.saxutils import escape

_SHARED = """
.hive text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-size: 12px; }
.hive .big { font-size: 17px; font-weight: 600; }
.hive .name { font-weight: 600; }
.hive .small { font-size: 11px; }
.hive .right { text-anchor: end; }
.hive .link, .hive .detour { fill: none; stroke-width: 1.5; }
.hive .detour { stroke-dasharray: 2 4; stroke-linecap: round; }
.hive .hub, .hive .leaf { stroke-width: 1; }
.hive .quiet { stroke-dasharray: 4 3; }
.hive .tick { fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
"""

_LIGHT = {
    "ink": "#1f2328",
    "soft": "#59636e",
    "line": "#a8b1bb",
    "panel": "#818b98",
    "card": "#ffffff",
    "edge": "#d1d9e0",
    "honey": "#fff4d6",
    "comb": "#c69026",
    "own": "#ddf0ff",
    "blue": "#0969da",
    "trust": "#8250df",
    "fast": "#1a7f37",
    "fair": "#b97400",
    "slow": "#cf222e",
    "none": "#8c959f",
}
_DARK = {
    "ink": "#e6edf3",
    "soft": "#9da7b1",
    "line": "#596370",
    "panel": "#818b98",
    "card": "#161b22",
    "edge": "#3d444d",
    "honey": "#2e2509",
    "comb": "#b58a1e",
    "own": "#0c2d4d",
    "blue": "#58a6ff",
    "trust": "#c297ff",
    "fast": "#3fb950",
    "fair": "#e3a93a",
    "slow": "#ff6a60",
    "none": "#7d8792",
}
_RULES = (
    ("text", "fill", "ink"),
    ("text.soft", "fill", "soft"),
    (".link", "stroke", "line"),
    (".detour", "stroke", "soft"),
    (".panel", "fill", "panel"),
    (".leaf", "fill", "card"),
    (".leaf", "stroke", "edge"),
    (".hub", "fill", "honey"),
    (".hub", "stroke", "comb"),
    (".own", "fill", "own"),
    (".own", "stroke", "blue"),
    (".quiet", "stroke", "soft"),
    (".tick", "stroke", "trust"),
    (".fast", "fill", "fast"),
    (".fair", "fill", "fair"),
    (".slow", "fill", "slow"),
    (".none", "fill", "none"),
    ("text.fast", "fill", "fast"),
    ("text.fair", "fill", "fair"),
    ("text.slow", "fill", "slow"),
)


def style() -> str:
    """The style sheet: light, and dark where whoever looks prefers it. The background is left to the page."""
    dark = _rules(_DARK)
    return f"{_SHARED}.hive .panel {{ fill-opacity: 0.13; }}\n{_rules(_LIGHT)}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _rules(colours: Mapping[str, str]) -> str:
    return "".join(f".hive {which} {{ {what}: {colours[colour]}; }}\n" for which, what, colour in _RULES)


SPEEDS = ((50.0, "fast", "below 50 ms"), (250.0, "fair", "below 250 ms"), (float("inf"), "slow", "slower"))
"""round trips: below so many milliseconds, the class, the words"""


def speed(rtt_ms: float | None) -> str:
    """The class of a round trip."""
    if rtt_ms is None:
        return "none"
    return next(name for limit, name, _ in SPEEDS if rtt_ms < limit or limit == float("inf"))


def milliseconds(rtt_ms: float | None) -> str:
    if rtt_ms is None:
        return ""
    return f"{rtt_ms / 1000:.1f} s" if rtt_ms >= 10_000 else f"{rtt_ms:.0f} ms" if rtt_ms >= 1 else "< 1 ms"


def text_width(text: str, size: float = 12.0) -> float:
    """About how wide it is, rather too wide than too narrow: nobody knows the font."""
    return size * sum(map(_em, text))


def fitted(text: str, room: float, size: float = 12.0) -> str:
    """The text, cut with an ellipsis where it is wider than `room`."""
    if text_width(text, size) <= room:
        return text
    kept, left = "", room - size * _em("…")
    for mark in text:
        left -= size * _em(mark)
        if left < 0:
            break
        kept += mark
    return f"{kept}…" if kept else ""


def _em(mark: str) -> float:
    if mark in "iIl.,:;|'!jtfr ()[]1-":
        return 0.4
    if mark in "mwMW@%":
        return 0.92
    if unicodedata.east_asian_width(mark) in "WF":
        return 1.05
    return 0.7 if mark.isupper() else 0.6


def text(x: float, y: float, content: str, classes: str = "") -> str:
    return f'<text x="{num(x)}" y="{num(y)}"{_classes(classes)}>{escape(content)}</text>'


def box(x: float, y: float, width: float, height: float, classes: str, radius: float = 7) -> str:
    size = f'width="{num(width)}" height="{num(height)}" rx="{num(radius)}"'
    return f'<rect x="{num(x)}" y="{num(y)}" {size}{_classes(classes)}/>'


def dot(x: float, y: float, radius: float, classes: str) -> str:
    return f'<circle cx="{num(x)}" cy="{num(y)}" r="{num(radius)}"{_classes(classes)}/>'


def hexagon(x: float, y: float, radius: float, classes: str) -> str:
    """A cell of a honeycomb, point up."""
    side, half = radius * 0.866, radius / 2
    corners = ((0, -radius), (side, -half), (side, half), (0, radius), (-side, half), (-side, -half))
    points = " ".join(f"{num(x + dx)},{num(y + dy)}" for dx, dy in corners)
    return f'<polygon points="{points}"{_classes(classes)}/>'


def tick(x: float, y: float) -> str:
    """The mark of a trusted key; 9 wide, its middle at y."""
    return f'<path d="M{num(x)} {num(y)}l3 3.5 6-7.5" class="tick"/>'


def curve(x: float, y: float, to_x: float, to_y: float, classes: str) -> str:
    bend = (x + to_x) / 2
    return f'<path d="M{num(x)} {num(y)}C{num(bend)} {num(y)} {num(bend)} {num(to_y)} {num(to_x)} {num(to_y)}"{_classes(classes)}/>'


def num(value: float) -> str:
    """Short, and the same everywhere."""
    return f"{value:.1f}".removesuffix(".0")


def _classes(classes: str) -> str:
    return f' class="{classes}"' if classes else ""
