"""One message up, for the commands that send and expect nothing back; but a hub that says no is heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import click

from ..errors import LinkClosed
from .console import json_line, json_option, line, warn
from .linking import OBJECTION, Verdict, linked
from .options import link_options, message_options, timeout_option
from .payload import bus_message

if TYPE_CHECKING:
    from ..messages import BusMessage
    from ..satellite.satellite import Satellite

_NO_REASON = (None, 1005, 1006)
"""close codes of a link that ends without a word"""
_ENDS = "This ends half a second after sending: by then a hub that does not allow it has said so."


def send_once(
    app: str | None,
    link: Mapping[str, Any],
    timeout: float,
    message: BusMessage,
    send: Callable[[Satellite], Mapping[str, Any]],
    *,
    as_json: bool,
) -> None:
    """Connect, `send(satellite)`, and wait for an objection. `send` returns what `--json` prints beside `sent`."""
    with linked(app, link, timeout) as satellite:
        verdict = Verdict(satellite, message.msg_type, OBJECTION)
        sent = send(satellite)
        try:
            verdict.answer()
        except LinkClosed as error:
            if error.code not in _NO_REASON:
                raise
            warn(f"{error}, after the message was sent: hivemind-core 4.0 does that when it has handled it")
    if as_json:
        json_line({"sent": message.msg_type, **sent})
    else:
        line(f"== sent {message.msg_type}")


def verb_command(verb: str, text: str) -> click.Command:
    """A command that sends a bus message in a routing verb. `text` is its help.

    It is for our own site: nodes deliver only what is for theirs (wire-v3.md section 12).
    """

    @click.command(verb, help=f"{cleandoc(text)}\n\n{_ENDS}")
    @message_options
    @timeout_option()
    @json_option()
    @link_options
    @click.pass_obj
    def command(
        app: str | None, /, msg: str | None, payload: str | None, timeout: float, as_json: bool, **link: Any
    ) -> None:
        message = bus_message(msg, payload)

        def send(satellite: Satellite) -> Mapping[str, Any]:
            from ..messages import HiveMessage

            satellite.emit(HiveMessage(verb, message, target_site_id=satellite.site_id))
            return {"verb": verb, "site": satellite.site_id}

        send_once(app, link, timeout, message, send, as_json=as_json)

    return command
