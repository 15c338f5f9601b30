"""`plugins list`: every plugin that was found, its state, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ...console import fitted, json_line, json_option, line, one_line
from ...options import seconds
from .naming import unknown_names

if TYPE_CHECKING:
    from ....plugins.records import PluginReport

_COLOURS = {"active": "green", "found": None, "disabled": "yellow", "shadowed": "yellow"}
_WIDEST = 30
_SLOW = 1.0
"""seconds of import that are worth a word"""


@click.command("list")
@click.option("--no-load", is_flag=True, help="Read metadata only, and import nothing.")
@click.option(
    "--timeout",
    type=seconds,
    metavar="SECONDS",
    default="10",
    show_default=True,
    help="Seconds that importing one plugin may take.",
)
@json_option("Print as JSON.")
def command(no_load: bool, timeout: float, as_json: bool) -> None:
    """List the plugins that were found, their state, and why; then what a satellite lacks.

    Each is imported in a process of its own, so that one that hangs, exits or floods the terminal harms nothing.
    """
    from ....plugins.inspection import found, inspect_plugins
    from ....settings.plugins import plugin_settings

    settings = plugin_settings()
    missing: Sequence[str] = ()
    if no_load:
        reports = found(settings)
    else:
        catalogue = inspect_plugins(settings, limit=timeout).catalogue
        reports, missing = catalogue.reports, catalogue.missing()
    strange = unknown_names(settings)
    if as_json:
        plugins = [asdict(one) for one in reports]
        json_line({"plugins": plugins, "missing": None if no_load else list(missing), "unknown": strange})
        return
    _table(reports)
    for text in strange:
        line(fitted(one_line(f"warning: the settings name {text!r}, and no such plugin is installed")), fg="yellow")
    for text in missing:
        line(fitted(one_line(f"missing: {text}")), fg="yellow")


def _table(reports: Sequence[PluginReport]) -> None:
    """Two lines for each: what it is called, whose it is; below, what it provides, and why it is not active."""
    names = [one_line(one.name) for one in reports]
    width = min(max(map(len, names), default=0), _WIDEST)
    for report, name in zip(reports, names, strict=True):
        head = f"{report.state:<12} {name:<{width}}  {one_line(f'{report.provider} {report.version}')}"
        line(head, fg=_COLOURS.get(report.state, "red"))
        for text in filter(None, (provided(report), report.reason, _slowness(report))):
            line(fitted(one_line(text), indent=" " * 13), dim=True)
    counts = Counter(str(one.state) for one in reports)
    line(f"{len(reports)} plugins: " + ", ".join(f"{count} {state}" for state, count in counts.most_common()))


def provided(report: PluginReport) -> str:
    """The records that a report is about, by kind; or the kinds, where no more is known."""
    by_kind: dict[str, list[str]] = {kind: [] for kind in report.kinds}
    for label in report.records:
        kind, _, name = label.partition(":")
        by_kind.setdefault(kind, []).append(name)
    return "; ".join(f"{kind} {', '.join(names)}".strip() for kind, names in by_kind.items())


def _slowness(report: PluginReport) -> str:
    return f"slow: importing it takes {report.import_seconds:.1f} s" if report.import_seconds >= _SLOW else ""
