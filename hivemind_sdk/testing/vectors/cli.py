"""The command line of the runner. Exit codes: 0 all passed, 1 some failed, 2 a file that is no vector file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from hivemind_sdk.messages import JSONObject

from .engine import Engine
from .runner import BadVectorFile, Report, Result, run_file

FAILED, BAD_FILE = 1, 2


@click.command(epilog="Exit codes: 0 all cases passed, 1 some failed, 2 a file could not be read or is no vector file.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON object.")
@click.option("-v", "--verbose", is_flag=True, help="Name the cases that passed, too.")
def main(files: Sequence[Path], *, as_json: bool, verbose: bool) -> None:
    """Run test vectors through the SDK and the plugins that are installed."""
    engine = Engine()
    reports: list[Report] = []
    errors: list[str] = []
    for path in files:
        try:
            reports.append(run_file(path, engine))
        except BadVectorFile as error:
            errors.append(" ".join(str(error).split()))
    if as_json:
        click.echo(json.dumps(summary(reports, errors), indent=1))
    else:
        for report in reports:
            text = "\n".join(_lines(report, verbose=verbose))
            click.echo(text.encode(errors="backslashreplace").decode())  # JSON may hold half characters
    for line in errors:
        click.echo(line, err=True)
    click.get_current_context().exit(_exit_code(reports, errors))


def summary(reports: Sequence[Report], errors: Sequence[str]) -> JSONObject:
    """What `--json` prints."""
    return {
        "passed": sum(len(report.passed) for report in reports),
        "failed": sum(len(report.failed) for report in reports),
        "errors": list(errors),
        "files": [
            {
                "file": report.file,
                "passed": len(report.passed),
                "failed": len(report.failed),
                "differences": list(report.differences),
                "cases": [
                    {
                        "id": result.id,
                        "passed": result.passed,
                        "differences": list(result.differences),
                        "on_purpose": list(result.on_purpose),
                        "note": result.note,
                    }
                    for result in report.results
                ],
            }
            for report in reports
        ],
    }


def _exit_code(reports: Sequence[Report], errors: Sequence[str]) -> int:
    if errors:
        return BAD_FILE
    return 0 if all(report.ok for report in reports) else FAILED


def _lines(report: Report, *, verbose: bool) -> list[str]:
    counts = f"{len(report.passed)} passed, {len(report.failed)} failed"
    on_purpose = sum(1 for result in report.passed if result.on_purpose)
    lines = [f"{report.file}: {counts}" + (f", {on_purpose} differ on purpose" if on_purpose else "")]
    lines += [f"  FAILED (the file itself): {text}" for text in report.differences]
    for result in report.results:
        lines += _case_lines(result, verbose=verbose)
    return lines


def _case_lines(result: Result, *, verbose: bool) -> list[str]:
    if not result.passed:
        return [f"  FAILED {result.id}: {text}" for text in result.differences]
    lines = [f"  passed {result.id}"] if verbose else []
    lines += [f"  on purpose {result.id}: {reason}" for reason in result.on_purpose]
    return lines + ([f"  either way {result.id}: {result.note}"] if result.note else [])
