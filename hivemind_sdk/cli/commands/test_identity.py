"""`test-identity`: connect with the identity, and say what was negotiated."""

from __future__ import annotations

from typing import Any

import click

from .. import report
from ..console import json_line, json_option, line, warn
from ..failures import REPORT
from ..linking import closing, make_satellite
from ..options import link_options, timeout_option


@click.command("test-identity")
@timeout_option()
@json_option("Print the outcome as JSON, also where it fails.")
@link_options
@click.pass_context
def command(ctx: click.Context, /, timeout: float, as_json: bool, **link: Any) -> None:
    """Connect with the identity, and say what was negotiated."""
    outcome: dict[str, Any] = ctx.meta.setdefault(REPORT, {"connected": False})
    with closing(make_satellite(ctx.obj, link, timeout)) as satellite:
        outcome["hub"] = str(satellite.settings.endpoint)
        info = satellite.connect(timeout)
    outcome.update({"connected": True, **report.described(info)})
    if as_json:
        json_line(outcome)
        return
    line("== Identity successfully connected to HiveMind!", fg="green")
    for text in report.lines(outcome):
        line(text)
    for warning in info.warnings:
        warn(warning)
