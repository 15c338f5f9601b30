"""`plugins`: every plugin that was found, with its state and the reason."""

from __future__ import annotations

from dataclasses import asdict

import click

from ..console import fitted, json_line, line
from ..options import json_option

_COLOURS = {"active": "green", "disabled": "yellow", "shadowed": "yellow"}


@click.command("plugins")
@json_option("Print as JSON.")
def command(as_json: bool) -> None:
    """List the plugins that were found, and their state; then what is missing for a satellite to work.

    Commands of plugins are listed, too, without being imported.
    """
    from ...config import plugin_settings
    from ...loader import commands, load

    settings = plugin_settings()
    catalogue = load(settings)
    found = commands(settings)
    if as_json:
        json_line(
            {
                "plugins": [asdict(report) for report in catalogue.reports],
                "commands": [asdict(entry) for entry in found.values()],
                "missing": list(catalogue.missing()),
            }
        )
        return
    for report in catalogue.reports:
        records = ", ".join(report.records)
        _row(report.state.value, report.name, f"{report.provider} {report.version}", records, report.reason)
    for entry in found.values():
        _row("found", entry.plugin, f"{entry.provider} {entry.version}", "imported when it is run")
    for text in catalogue.missing():
        line(f"missing: {text}", fg="yellow")


def _row(state: str, name: str, provider: str, *details: str) -> None:
    line(f"{state:<12} {name:<26} {provider}", fg=_COLOURS.get(state, "red" if state != "found" else None))
    for text in filter(None, details):
        line(fitted(text, indent=" " * 13), dim=True)
