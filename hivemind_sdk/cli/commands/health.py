"""`health`: whether a satellite that runs elsewhere on this machine is connected, by the file that it keeps fresh."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from ..console import json_line, json_option, line, one_line
from ..failures import FAILED
from ..options import seconds

_FRESH = 30.0


@click.command("health")
@click.option(
    "--file", "path", metavar="PATH", envvar="HIVEMIND_HEALTH_FILE", required=True, help="[$HIVEMIND_HEALTH_FILE]"
)
@click.option(
    "--max-age",
    type=seconds,
    metavar="SECONDS",
    default=_FRESH,
    show_default=True,
    help="A file that was not written for longer is a dead satellite's.",
)
@json_option("Print as JSON.")
@click.pass_context
def command(ctx: click.Context, /, path: str, max_age: float, as_json: bool) -> None:
    """Say whether a satellite is READY. Exit code 0: it is; 1: it is not.

    The satellite writes the file if HIVEMIND_HEALTH_FILE (or the option `file` of the plugin `observer.health`) names
    one. For the HEALTHCHECK of a container, for a watchdog, for cron.
    """
    healthy, text, found = _judge(Path(path), max_age)
    if as_json:
        json_line({"healthy": healthy, "text": text, **found})
    else:
        line(one_line(text), err=not healthy)
    if not healthy:
        ctx.exit(FAILED)


def _judge(path: Path, max_age: float) -> tuple[bool, str, dict[str, Any]]:
    """-> whether it is well, in a line for people, and what the file says"""
    try:
        age = time.time() - path.stat().st_mtime
        found = json.loads(path.read_text(encoding="utf-8"))
        state, hub, cause, hint = (str(found[key]) for key in ("state", "hub", "cause", "hint"))
    except FileNotFoundError:
        return False, f"there is no {path}: no satellite writes it, or it has ended", {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return False, f"{path} can't be read as a health file: {type(error).__name__}", {}
    if age > max_age:
        return False, f"{state}, but {age:.0f} s ago: the satellite hangs, or was killed", found
    if state != "READY":
        return False, f"{state}: {cause} ({hint})" if cause and hint else f"{state}: {cause or hub}", found
    return True, f"READY at {hub}", found
