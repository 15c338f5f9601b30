"""Results as lines of one table, for people and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from goals import Row
from workers import Ratio, Samples

HEADINGS = ("", "ours", "reference", "ratio (quartiles)", "goal", "floor", "of floor", "goal", "")


@dataclass(frozen=True)
class Line:
    """One row of the table; what there is none of is empty."""

    name: str
    ours: str = ""
    reference: str = ""
    ratio: str = ""
    goal: str = ""
    floor: str = ""
    of_floor: str = ""
    floor_goal: str = ""
    verdict: str = ""

    def cells(self) -> tuple[str, ...]:
        return tuple(asdict(self).values())


def line(row: Row, found: dict[str, Samples]) -> Line:
    ours, reference, floor = found["ours"], found.get("reference"), found.get("floor")
    ratio = reference.over(ours) if reference else None
    of_floor = ours.over(floor) if floor else None
    checks = []
    if ratio and row.goal:
        checks.append(ratio.value >= row.goal)
    if of_floor and row.floor_goal:
        checks.append(of_floor.value <= row.floor_goal)
    if row.limit:
        checks.append(ours.median <= row.limit)
    limit = f", <= {seconds(row.limit)}" if row.limit else ""
    return Line(
        row.name,
        seconds(ours.median),
        seconds(reference.median) if reference else "",
        spread(ratio) if ratio else "",
        f">= {row.goal:g}{limit}" if row.goal else "",
        seconds(floor.median) if floor else "",
        spread(of_floor) if of_floor else "",
        f"<= {row.floor_goal:g}" if row.floor_goal else "",
        verdict(checks),
    )


def verdict(checks: list[bool]) -> str:
    return "" if not checks else "met" if all(checks) else "MISSED"


def spread(ratio: Ratio) -> str:
    digits = 2 if ratio.value < 10 else 1
    return f"{ratio.value:.{digits}f} ({ratio.low:.{digits}f}-{ratio.high:.{digits}f})"


def seconds(value: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1 or unit == "us":
            return f"{value * factor:.3g} {unit}"
    raise AssertionError


def table(sections: dict[str, list[Line]]) -> str:
    """Markdown that is readable as it is."""
    rows = [HEADINGS]
    for title, lines in sections.items():
        rows.append((f"**{title}**", *[""] * (len(HEADINGS) - 1)))
        rows += [one.cells() for one in lines]
    widths = [max(len(row[index]) for row in rows) for index in range(len(HEADINGS))]
    text = [_row(row, widths) for row in rows]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |"


def as_json(
    about: dict[str, Any], sections: dict[str, list[Line]], raw: dict[str, dict[str, Samples]]
) -> dict[str, Any]:
    """The same for programs: every sample, in seconds."""
    return {
        "about": about,
        "table": {title: [asdict(one) for one in lines] for title, lines in sections.items()},
        "samples": {row: {name: one.values for name, one in found.items()} for row, found in raw.items()},
    }
