"""`cascade`: ask the whole hive."""

from __future__ import annotations

from typing import Any

import click

from ..answers import AnswerPrinter
from ..console import json_option
from ..linking import linked
from ..options import answers_option, link_options, message_options, to_connect, utterance_options
from ..payload import question

ANSWERS = 5.0


@click.command("cascade")
@message_options
@utterance_options
@click.option("--expected", type=click.IntRange(1), help="End when so many nodes have answered.")
@answers_option(ANSWERS)
@json_option("Print each message of the answers as a line of JSON.")
@link_options
@click.pass_obj
def command(
    app: str | None,
    /,
    msg: str | None,
    payload: str | None,
    utterance: str | None,
    lang: str,
    expected: int | None,
    timeout: float,
    as_json: bool,
    **link: Any,
) -> None:
    """Ask the whole hive, and show who answers what, as the answers come."""
    message = question(msg, payload, utterance, lang)
    with linked(app, link, to_connect(timeout)) as satellite:
        printer = AnswerPrinter(satellite, as_json=as_json)
        for answer in satellite.cascade(message, timeout=timeout, expected=expected):
            printer.show(answer)
        printer.nothing(f"nobody answered within {timeout:g} s")
        printer.summary()
