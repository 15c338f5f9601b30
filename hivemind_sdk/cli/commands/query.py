"""`query`: ask up the chain."""

from __future__ import annotations

from typing import Any

import click

from ..answers import AnswerPrinter
from ..console import json_option
from ..linking import linked
from ..options import answers_option, link_options, message_options, to_connect, utterance_options
from ..payload import question

ANSWERS = 15.0


@click.command("query")
@message_options
@utterance_options
@answers_option(ANSWERS)
@json_option("Print each message of the answer as a line of JSON.")
@link_options
@click.pass_obj
def command(
    app: str | None,
    /,
    msg: str | None,
    payload: str | None,
    utterance: str | None,
    lang: str,
    timeout: float,
    as_json: bool,
    **link: Any,
) -> None:
    """Ask up the chain: the first node that can answer does."""
    message = question(msg, payload, utterance, lang)
    with linked(app, link, to_connect(timeout)) as satellite:
        printer = AnswerPrinter(satellite, as_json=as_json)
        for answer in satellite.query_stream(message, timeout=timeout):
            printer.show(answer)
        printer.nothing("the answer is empty")
