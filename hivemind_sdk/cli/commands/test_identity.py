"""`test-identity`: connect with the identity, and say what was negotiated."""

from __future__ import annotations

import click

from ..options import link_options, make_client


@click.command("test-identity")
@link_options
@click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds to try for.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def command(app: str | None, timeout: float, as_json: bool, **options: object) -> None:
    """Connect with the identity, and say what was negotiated."""
    from ..report import described

    client = make_client(app, options)
    try:
        info = client.connect(timeout=timeout)
        report = {"connected": True, "hub": str(client.satellite.settings.endpoint), **described(info)}
    finally:
        client.close()
    if as_json:
        import json

        click.echo(json.dumps(report))
        return
    click.secho("== Identity successfully connected to HiveMind!", fg="green")
    for name, value in report.items():
        if value not in ("", [], True):
            click.echo(f"   {name:<10} {value}")
