"""What the picture looks like: colours for light and dark, sizes of letters, shapes. Everything works as plain SVG."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from html import escape

_SHARED = """
.hive text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-size: 12px; }
.hive .big { font-size: 17px; font-weight: 600; }
.hive .name { font-weight: 600; }
.hive .small { font-size: 11px; }
.hive .plain { font-weight: 400; }
.hive .right { text-anchor: end; }
.hive .link, .hive .detour { fill: none; stroke-width: 1.5; }
.hive .detour { stroke-dasharray: 2 4; stroke-linecap: round; }
.hive .hub, .hive .leaf { stroke-width: 1; }
.hive .quiet { stroke-dasharray: 4 3; }
.hive .trust { font-weight: 700; }
.hive .panel { fill-opacity: 0.13; }
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
    "fair": "#9a6700",
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
    ("tspan.soft", "fill", "soft"),
    (".trust", "fill", "trust"),
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
    return f"{_SHARED}{_rules(_LIGHT)}@media (prefers-color-scheme: dark) {{\n{_rules(_DARK)}}}\n"


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


TICK = "✓"
_BOLD = 1.12


def text_width(text: str, size: float = 12.0, *, bold: bool = False) -> float:
    """About how wide it is, rather too wide than too narrow: nobody knows the font."""
    return size * sum(map(_em, text)) * (_BOLD if bold else 1.0)


def fitted(text: str, room: float, size: float = 12.0, *, bold: bool = False) -> str:
    """The text, cut with an ellipsis where it is wider than `room`."""
    if text_width(text, size, bold=bold) <= room:
        return text
    kept, left = "", room / (size * (_BOLD if bold else 1.0)) - _em("…")
    for mark in text:
        left -= _em(mark)
        if left < 0:
            break
        kept += mark
    return f"{kept.rstrip()}…" if kept else ""


def _em(mark: str) -> float:
    if mark in "iIl.,:;|'!jtfr ()[]1-":
        return 0.42
    if mark in "mwMW@%…":
        return 1.0
    if unicodedata.east_asian_width(mark) in "WF":
        return 1.05
    return 0.7 if mark.isupper() else 0.62


def text(x: float, y: float, content: str, classes: str = "", *, more: str = "") -> str:
    """`more`: spans that follow on the line, wherever the text ends."""
    return f'<text x="{num(x)}" y="{num(y)}"{_classes(classes)}>{escape(content, quote=False)}{more}</text>'


def span(content: str, classes: str) -> str:
    return f'<tspan dx="6"{_classes(classes)}>{escape(content, quote=False)}</tspan>' if content else ""


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


def curve(x: float, y: float, to_x: float, to_y: float, classes: str) -> str:
    bend, end = num((x + to_x) / 2), num(to_y)
    return f'<path d="M{num(x)} {num(y)}C{bend} {num(y)} {bend} {end} {num(to_x)} {end}"{_classes(classes)}/>'


def elbow(x: float, y: float, to_x: float, to_y: float, classes: str) -> str:
    """Down, then to the right."""
    return f'<path d="M{num(x)} {num(y)}V{num(to_y - 8)}q0 8 8 8H{num(to_x)}"{_classes(classes)}/>'


def num(value: float) -> str:
    """Short, and the same everywhere."""
    return f"{value:.1f}".removesuffix(".0")


def _classes(classes: str) -> str:
    return f' class="{classes}"' if classes else ""
