"""`plugins`: every plugin that was found, with its state and the reason."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(as_json: bool) -> None:
    """List the plugins that were found, and their state; then what is missing for a satellite to work."""
    from ...config import plugin_settings
    from ...loader import load

    catalogue = load(plugin_settings())
    if as_json:
        reports = [asdict(report) for report in catalogue.reports]
        click.echo(json.dumps({"plugins": reports, "missing": list(catalogue.missing())}, default=str))
        return
    for report in catalogue.reports:
        colour = "green" if report.state.value == "active" else "red"
        click.secho(f"{report.state.value:<12}", fg=colour, nl=False)
        click.echo(f"{report.name:<26}{report.provider} {report.version}")
        for line in (*report.records, report.reason):
            if line:
                click.echo(f"{'':<12}  {line}")
    for line in catalogue.missing():
        click.secho(f"missing: {line}", fg="yellow")
