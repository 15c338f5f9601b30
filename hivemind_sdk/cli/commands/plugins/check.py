"""`plugins check`: hold installed plugins to the contracts of what they provide."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ...console import fitted, json_line, json_option, line, one_line
from ...failures import FAILED
from ...options import seconds

if TYPE_CHECKING:
    from ....plugins.records import Origin
    from ....testing.conformance.checking import Checked


@click.command("check")
@click.argument("name", required=False)
@click.option(
    "--timeout",
    type=seconds,
    metavar="SECONDS",
    default="300",
    show_default=True,
    help="Seconds that the checks of one plugin may take.",
)
@click.option("--all", "all_checks", is_flag=True, help="Name the checks that passed, too.")
@json_option("Print as JSON.")
@click.pass_context
def command(ctx: click.Context, name: str | None, timeout: float, all_checks: bool, as_json: bool) -> None:
    """Hold the plugin NAME to the contracts of what it provides; without NAME, every plugin that may load.

    It is imported and checked in a process of its own, and never touches your identity. Ends with 1 where a plugin
    can't be loaded, or a check fails.
    """
    from ....testing.conformance.checking import check_installed

    checked = check_installed(_wanted(name), timeout)
    passed = all(one.passed for one in checked)
    if as_json:
        json_line({"passed": passed, "plugins": [_told(one) for one in checked]})
    else:
        for one in checked:
            _show(one, all_checks)
    ctx.exit(0 if passed else FAILED)


def _wanted(name: str | None) -> list[Origin]:
    from ....plugins.entrypoints import select
    from ....plugins.records import KINDS
    from ....settings.plugins import plugin_settings
    from .naming import plugin_named

    if name is not None:
        return [plugin_named(name)]
    return list(select(plugin_settings(), frozenset(KINDS)).origins)


def _told(one: Checked) -> dict[str, Any]:
    return {"passed": one.passed, **asdict(one)}


def _show(one: Checked, all_checks: bool) -> None:
    counts = Counter(result["outcome"] for result in one.results)
    said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped") if counts[outcome])
    state = "passed" if one.passed else "FAILED"
    head = f"{state:<8} {one_line(one.origin.plugin)}: {said or one_line(one.reason) or 'nothing to check'}"
    line(fitted(head), fg="green" if one.passed else "red")
    for label in one.unchecked:
        line(fitted(f"no contract for {label}", indent=" " * 9), dim=True)
    for result in one.results:
        if result["outcome"] == "failed" or all_checks:
            reason = f": {result['reason']}" if result["reason"] else ""
            text = f"{result['outcome']} {result['record']} {result['check']}{reason}"
            line(fitted(one_line(text), indent=" " * 9), dim=result["outcome"] != "failed")
