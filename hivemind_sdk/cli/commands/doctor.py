"""`doctor`: what works on the way to the hub, what does not, and what to do about it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ..console import fitted, json_line, json_option, line, one_line, warn
from ..environment import unread
from ..failures import REPORT, exit_code
from ..linking import make_settings
from ..options import lang_option, link_options, timeout_option

if TYPE_CHECKING:
    from ...doctor import Step

PATIENCE = 10.0
"""seconds for each part of connecting, and for answers, unless the user says otherwise"""
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}
_INDENT = " " * 23
_ERASE = "\r\x1b[K"


@click.command("doctor")
@click.option("--utterance", metavar="TEXT", help="Say this to the hub, and show what it answers.")
@lang_option
@click.option("--msg", metavar="TYPE", multiple=True, help="Also ask whether this bus type may be sent; repeatable.")
@timeout_option(PATIENCE, "Seconds for each part of connecting, and for the answer.")
@json_option()
@link_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    utterance: str | None,
    lang: str,
    msg: tuple[str, ...],
    timeout: float,
    as_json: bool,
    **link: Any,
) -> None:
    """Try the way to the hub step by step, and say of each whether it works, and what to do if it does not.

    resolve, connect, tls, upgrade, hello, handshake, permissions, echo. Nothing that has an effect is sent unless
    --utterance says so: types are asked for with an empty message, so name none with --msg that acts without data.
    """
    from ...doctor import diagnose, installation
    from ...engine.utterances import UTTERANCE
    from ...plugins.loader import shared

    # first what needs no hub: whoever has no identity yet learns whose client runs here
    told: dict[str, Any] = ctx.meta.setdefault(REPORT, {"installation": installation()})
    if not as_json:
        for name, whose in told["installation"].items():
            line(fitted(one_line(f"{name}: {whose}")), dim=True)
    settings, identity = make_settings(ctx.obj, link, timeout)
    for text in unread(shared(settings.plugins)):
        warn(text)
    told |= {"hub": str(settings.endpoint), "steps": []}
    steps = diagnose(
        settings,
        identity=identity.state,
        types=tuple(dict.fromkeys((UTTERANCE, *msg))),
        utterance=utterance,
        lang=lang,
        patience=timeout,
    )
    if not as_json:
        line(f"== examining {settings.endpoint}", bold=True)
        steps = _shown(steps)
    errors = []
    for step in steps:
        told["steps"].append(_plain(step))
        errors += [step.error] if step.error is not None else []
    if as_json and errors:
        raise errors[0]
    if as_json:
        json_line(told)
    elif errors:
        ctx.exit(exit_code(errors[0]))


def _shown(steps: Iterator[Step]) -> Iterator[Step]:
    """Print each step as it is known; on a terminal also the one that is being tried."""
    from ...doctor import NAMES, NOT_REACHED

    not_reached = []
    trying = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    for name in NAMES:
        if trying:
            click.echo(f" {'...':<8} {name}", nl=False)
        try:
            step = next(steps)
        finally:
            if trying:
                click.echo(_ERASE, nl=False)
        if step.verdict == NOT_REACHED:
            not_reached.append(name)
        else:
            _print(step)
        yield step
    if not_reached:
        line(f"{_INDENT}(not reached: {', '.join(not_reached)})", dim=True)


def _print(step: Step) -> None:
    outcome = click.style(f"{step.outcome.value:<8}", fg=_COLOURS.get(step.outcome.value))
    text = fitted(one_line(step.verdict), indent=_INDENT).lstrip()
    click.echo(f" {outcome} {step.name:<12} {text}")
    for note in step.notes:
        line(fitted(one_line(note), indent=_INDENT), dim=True)
    if step.fix:
        line(fitted(one_line(f"-> {step.fix}"), indent=_INDENT))


def _plain(step: Step) -> dict[str, Any]:
    return {
        "step": step.name,
        "outcome": step.outcome.value,
        "verdict": step.verdict,
        "fix": step.fix or None,
        "notes": list(step.notes),
        "seconds": round(step.seconds, 3),
    }
