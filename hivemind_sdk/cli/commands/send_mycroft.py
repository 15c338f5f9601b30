"""`send-mycroft`: send one bus message, and wait for an answer if asked to."""

from __future__ import annotations

import json
from typing import Any

import click

from ..console import json_line, json_option, line
from ..linking import OBJECTION, Verdict, linked
from ..options import answers_option, link_options, message_options, to_connect
from ..payload import bus_message

ANSWERS = 10.0


@click.command("send-mycroft")
@message_options
@click.option("--wait", "wanted", metavar="TYPE", help="Wait for a bus message of this type and print it.")
@answers_option(ANSWERS)
@json_option()
@link_options
@click.pass_obj
def command(
    app: str | None,
    /,
    msg: str | None,
    payload: str | None,
    wanted: str | None,
    timeout: float,
    as_json: bool,
    **link: Any,
) -> None:
    """Send one bus message, and wait for an answer if asked to.

    Without --wait this ends half a second after sending: by then a hub that denies the message has said so.
    """
    from ...delivery import Raise
    from ...errors import RequestTimeout

    message = bus_message(msg, payload)
    with linked(app, link, to_connect(timeout)) as satellite:
        patience = OBJECTION if wanted is None else timeout
        verdict = Verdict(satellite, message.msg_type, patience, wanted)
        satellite.emit(message, delivery=Raise())
        answer = verdict.answer()
    if wanted is not None and answer is None:
        raise RequestTimeout(
            f"no {wanted!r} within {patience:g} s",
            hint=f"old hubs drop what is not allowed without a word: `hivemind-core allow-msg {message.msg_type}`",
        )
    told = None if answer is None else answer.as_dict
    if as_json:
        json_line({"sent": message.msg_type, "answer": told})
    else:
        line(f"== sent {message.msg_type}" if told is None else json.dumps(told, ensure_ascii=False, indent=2))
