"""Results as lines of one table, what misses its target first, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from goals import BARE, OURS, PLAIN_EMIT, Against, Row
from workers import Ratio, Samples

HEADINGS = ("figure", "ours", "beside it", "ratio (quartiles)", "target", "result")
MET, MISSED = "met", "MISSED"


@dataclass(frozen=True)
class Line:
    """One figure beside one other; what there is none of is empty."""

    name: str
    ours: str = ""
    beside: str = ""
    ratio: str = ""
    target: str = ""
    result: str = ""
    margin: float = 1.0
    """how many times better than the target; below 1 it is missed"""

    def cells(self) -> tuple[str, ...]:
        return (self.name, self.ours, self.beside, self.ratio, self.target, self.result)


def checked(
    name: str,
    value: float,
    *,
    ours: str = "",
    beside: str = "",
    at_most: float | None = None,
    at_least: float | None = None,
    unit: str = "",
    ratio: str = "",
) -> Line:
    """A line about one value: a ratio, or what `ours` shows."""
    if at_most is not None:
        margin = at_most / value if value > 0 else float("inf")
        return Line(name, ours, beside, ratio, f"<= {at_most:g}{unit}", _result(margin), margin)
    if at_least is not None:
        margin = value / at_least
        return Line(name, ours, beside, ratio, f">= {at_least:g}{unit}", _result(margin), margin)
    return Line(name, ours, beside, ratio)


def _result(margin: float) -> str:
    return MET if margin >= 1 else MISSED


def lines(row: Row, found: Mapping[str, Samples]) -> Iterable[Line]:
    """One line for each contender that took part."""
    ours = found[OURS]
    for against in row.against:
        other = found.get(against.who)
        if other is not None:
            yield compared(row.name, ours, other, against)
    if row.limit:
        yield checked(f"{row.name}, time", ours.median, ours=seconds(ours.median), at_most=row.limit, unit=" s")


def compared(name: str, ours: Samples, other: Samples, against: Against) -> Line:
    """The ratio says how many times as fast (other / ours), or with `at_most` how many times as long (ours / other)."""
    beneath = against.at_most is not None or against.who in (BARE, PLAIN_EMIT)
    ratio = ours.over(other) if beneath else other.over(ours)
    kind = "ours / it" if beneath else "it / ours"
    return checked(
        name,
        ratio.value,
        ours=seconds(ours.median),
        beside=f"{against.shown or against.who}: {seconds(other.median)}",
        ratio=f"{kind}: {spread(ratio)}",
        at_most=against.at_most,
        at_least=against.at_least,
    )


def spread(ratio: Ratio) -> str:
    digits = 2 if ratio.value < 10 else 1
    return f"{ratio.value:.{digits}f} ({ratio.low:.{digits}f}-{ratio.high:.{digits}f})"


def seconds(value: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if abs(value) * factor >= 1 or unit == "us":
            return f"{value * factor:.3g} {unit}"
    raise AssertionError


def table(found: Iterable[Line]) -> str:
    """Markdown that is readable as it is: what is missed, worst first; what is met; what has no target."""
    groups = {MISSED: "Behind its target", MET: "At its target", "": "Without a target"}
    rows: list[tuple[str, ...]] = [HEADINGS]
    everything = list(found)
    for result, title in groups.items():
        members = [one for one in everything if one.result == result]
        if result == MISSED:
            members.sort(key=lambda one: one.margin)
        if members:
            rows.append((f"**{title}**", *[""] * (len(HEADINGS) - 1)))
            rows += [one.cells() for one in members]
    widths = [max(len(row[index]) for row in rows) for index in range(len(HEADINGS))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def as_json(about: Mapping[str, Any], found: Iterable[Line], raw: Mapping[str, Mapping[str, Samples]]) -> Any:
    """The same for programs: every sample, in seconds."""
    return {
        "about": about,
        "table": [asdict(one) for one in found],
        "samples": {row: {name: one.values for name, one in samples.items()} for row, samples in raw.items()},
    }
