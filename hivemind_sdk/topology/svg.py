"""The hive map as SVG: one file, nothing fetched, for light and dark pages. Names are the network's and are escaped."""

from __future__ import annotations

from html import escape

from .graph import Graph
from .layout import Box, Layout, Sizes, arrange
from .look import (
    SPEEDS,
    TICK,
    box,
    curve,
    dot,
    elbow,
    fitted,
    hexagon,
    milliseconds,
    num,
    span,
    speed,
    style,
    text,
    text_width,
)
from .mapper import HiveMapper
from .names import printable
from .scene import Scene, Thing, compose

_ROOMY = Sizes(hub=(184, 48), leaf=(196, 46))
_DENSE = Sizes(hub=(176, 44), leaf=(224, 25), between=12)
_CROWD = 30
"""nodes from which a leaf gets one line"""
_WORTH = 4
"""characters of a site that are worth being cut to"""
_MARGIN, _HEAD, _NARROWEST = 20.0, 62.0, 520.0


def render_svg(hive_map: HiveMapper | Graph, *, title: str = "Hive map") -> str:
    """A picture: nodes, what they hang on, round trips, sites, whose key we trust. The same map gives the same text."""
    title = printable(title)
    scene = compose(hive_map if isinstance(hive_map, Graph) else hive_map.graph())
    sizes = _DENSE if len(scene.things) > _CROWD else _ROOMY
    layout = arrange(scene.top, scene.hubs, scene.leaves, sizes)
    width = max(layout.width, _NARROWEST) + 2 * _MARGIN
    legend, legend_height = _legend(scene, width - 2 * _MARGIN, _HEAD + layout.height + 34)
    height = _HEAD + layout.height + 34 + legend_height
    size = f'width="{num(width)}" height="{num(height)}" viewBox="0 0 {num(width)} {num(height)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} class="hive" role="img">',
        f"<title>{escape(title)}: {escape(scene.summary)}</title>",
        f"<style>{style()}</style>",
        text(_MARGIN, 30, title, "big"),
        text(_MARGIN, 49, scene.summary, "soft"),
        f'<g transform="translate({num(_MARGIN + max(0.0, (_NARROWEST - layout.width) / 2))} {num(_HEAD)})">',
        *_links(scene, layout),
        *(_node(scene.things[name], place, sizes is _DENSE) for name, place in layout.boxes.items()),
        "</g>",
        legend,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _links(scene: Scene, layout: Layout) -> list[str]:
    boxes, parts = layout.boxes, []
    for hub, panel in layout.panels.items():
        parts.append(box(panel.x, panel.y, panel.width, panel.height, "panel", 11))
        entry = boxes[hub].middle if layout.outline else panel.middle
        parts.append(curve(boxes[hub].right, boxes[hub].middle, panel.x, entry, "link"))
    for hub, family in scene.hubs.items():
        start = boxes[hub]
        for end in map(boxes.__getitem__, family):
            if layout.outline:
                parts.append(elbow(start.x + 13, start.bottom - 3, end.x, end.middle, "link"))
            else:
                parts.append(curve(start.right, start.middle, end.x, end.middle, "link"))
    for name, other in scene.detours:
        start, end = boxes[name], boxes[other]
        parts.append(curve(start.x, start.middle, end.right, end.middle, "detour"))
    return parts


def _node(thing: Thing, place: Box, dense: bool) -> str:
    kind = "hub" if thing.is_hub else "leaf"
    classes = kind + (" own" if thing.is_self else " quiet" if thing.is_silent else "")
    one_line = dense and place.height < _DENSE.hub[1]
    edge = 1.5 if one_line else 3.0
    frame = box(place.x, place.y + edge, place.width, place.height - 2 * edge, classes, 6 if one_line else 9)
    content = _line(thing, place) if one_line else _card(thing, place)
    return f"<g><title>{escape(thing.details)}</title>{frame}{content}</g>"


def _icon(thing: Thing, x: float, y: float, radius: float) -> str:
    classes = "own" if thing.is_self else speed(thing.rtt_ms)
    return hexagon(x, y, radius * 1.15, classes) if thing.is_hub else dot(x, y, radius, classes)


def _card(thing: Thing, place: Box) -> str:
    """Two lines: the name; site and round trip."""
    x, middle, end = place.x + 36, place.middle, place.right - 11
    remark, latency = _remark(thing), milliseconds(thing.rtt_ms)
    ticked = span(TICK, "trust") if thing.trusted else ""
    label = fitted(thing.label, end - x - (16 if ticked else 0), bold=True)
    parts = [
        _icon(thing, place.x + 19, middle, 8),
        text(x, middle + (-4 if remark or latency else 4), label, "name", more=ticked),
    ]
    if latency:
        parts.append(text(end, middle + 13, latency, f"small right {speed(thing.rtt_ms)}"))
        end -= text_width(latency, 11) + 6
    if remark:
        parts.append(text(x, middle + 13, fitted(remark, end - x, 11), "small soft"))
    return "".join(parts)


def _line(thing: Thing, place: Box) -> str:
    """One line: the name, the site, the round trip."""
    x, base, end = place.x + 24, place.middle + 4, place.right - 9
    latency = milliseconds(thing.rtt_ms)
    parts = [_icon(thing, place.x + 13, place.middle, 5)]
    if latency:
        parts.append(text(end, base, latency, f"small right {speed(thing.rtt_ms)}"))
        end -= text_width(latency, 11) + 9
    ticked = span(TICK, "trust") if thing.trusted else ""
    room = end - x - (16 if ticked else 0)
    label = fitted(thing.label, room, bold=True)
    remark = fitted(_remark(thing), room - text_width(label, bold=True) - 6, 11)
    more = ticked + span("" if len(remark) < _WORTH and remark.endswith("…") else remark, "small soft plain")
    return "".join([*parts, text(x, base, label, "name", more=more)])


def _remark(thing: Thing) -> str:
    if thing.is_self:
        return "us"
    if thing.is_silent:
        return "no answer"
    return thing.site if thing.site != thing.label else "hub" if thing.is_hub else ""


def _legend(scene: Scene, room: float, y: float) -> tuple[str, float]:
    """What the marks mean, of those that are in the picture. -> it, and its height"""
    things = scene.things.values()
    speeds = {speed(thing.rtt_ms) for thing in things if not thing.is_self}
    entries = [
        (hexagon(6, -4, 7, "hub"), "hub", any(thing.is_hub for thing in things)),
        (dot(6, -4, 5.5, "leaf"), "satellite", any(not thing.is_hub for thing in things)),
        (dot(6, -4, 5.5, "own"), "us", any(thing.is_self for thing in things)),
        *((dot(6, -4, 5, name), words, name in speeds) for _, name, words in SPEEDS),
        (dot(6, -4, 5, "none"), "no time known", "none" in speeds),
        (text(2, 0, TICK, "trust"), "claims a key that we trust", any(thing.trusted for thing in things)),
        (box(0, -9, 13, 10, "leaf quiet", 3), "did not answer", any(thing.is_silent for thing in things)),
        (curve(0, -4, 14, -4, "detour"), "another way", bool(scene.detours)),
    ]
    parts, x, row = [], 0.0, 0
    for mark, words, shown in entries:
        if not shown:
            continue
        wide = 20 + text_width(words, 11) + 16
        if x and x + wide - 16 > room:
            x, row = 0.0, row + 1
        place = f"translate({num(_MARGIN + x)} {num(y + row * 20)})"
        parts.append(f'<g transform="{place}">{mark}{text(19, 0, words, "small soft")}</g>')
        x += wide
    return "\n".join(parts), row * 20 + 18.0
