"""`run`: a satellite that is assembled from one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import SettingsError
from ..console import json_line, json_option, line, one_line, warn
from ..failures import BAD_INPUT

if TYPE_CHECKING:
    from ..from_file.program import Program
    from ..from_file.reading import Problem


@click.command("run")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Say what is wrong with the file, with lines; run nothing.")
@click.option("--systemd", is_flag=True, help="Print a unit for systemd that runs this file.")
@json_option("With --check: print what is wrong as JSON.")
@click.pass_context
def command(ctx: click.Context, /, file: Path, check: bool, systemd: bool, as_json: bool) -> None:
    """Run the satellite that FILE (TOML) describes, until SIGTERM or Ctrl-C.

    SIGHUP reads the file again. What the file can say: the page "Run from a file" of the documentation.
    """
    from ..from_file.loading import load_program

    loaded = load_program(file, ctx.obj)
    if as_json and not check:
        raise click.UsageError("--json is for --check", ctx)
    if as_json:
        json_line({"file": str(file), "problems": [_plain(one) for one in loaded.problems]})
    else:
        _tell(file, loaded.problems)
    if loaded.program is None:
        if check:
            ctx.exit(BAD_INPUT)
        raise SettingsError(f"{file} can't be run", hint="correct the lines above")
    if check:
        if not as_json:
            line(f"{file} is in order")
    elif systemd:
        from ..from_file.unit import hidden, unit

        for path in hidden(loaded.program):
            warn(f"the unit can't read {path}: ProtectHome and PrivateTmp hide /home, /root and /tmp; move it")
        click.echo(unit(loaded.program), nl=False)
    else:
        _run(loaded.program, ctx.obj)


def _run(program: Program, app: str | None) -> None:
    import logging

    from ...plugins.loader import shared
    from ..environment import unread
    from ..from_file.running import run_program

    mine = {name: value for name, value in os.environ.items() if name not in program.secret_variables}
    for text in unread(shared(program.plugins), mine):
        warn(text)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    run_program(program, app)


def _tell(file: Path, problems: list[Problem]) -> None:
    from ..from_file.running import told

    for one in problems:
        if one.warning:
            warn(told(file, one))
        else:
            line(one_line(told(file, one)), err=True, fg="red")


def _plain(problem: Problem) -> dict[str, Any]:
    return {
        "line": problem.line,
        "key": problem.key,
        "text": problem.text,
        "remedy": problem.remedy,
        "warning": problem.warning,
    }
