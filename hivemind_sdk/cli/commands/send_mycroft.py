"""`send-mycroft`: send one bus message, and wait for an answer if asked to."""

from __future__ import annotations

import json
from typing import Any

import click

from ..options import link_options, make_client


@click.command("send-mycroft")
@link_options
@click.option("--msg", required=True, help="Type of the bus message.")
@click.option("--payload", default="{}", help="Its data, as a JSON object.")
@click.option("--wait", "wait_type", metavar="TYPE", help="Wait for a bus message of this type and print it.")
@click.option("--timeout", type=float, default=10.0, show_default=True, help="Seconds to wait for it.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def command(
    app: str | None, msg: str, payload: str, wait_type: str | None, timeout: float, as_json: bool, **options: object
) -> None:
    """Send one bus message, and wait for an answer if asked to."""
    from ...messages import BusMessage

    message = BusMessage(msg, _object(payload))
    with make_client(app, options) as client:
        if not as_json:
            click.echo("== connected to HiveMind")
        answer = _send(client, message, wait_type, timeout)
    if as_json:
        click.echo(json.dumps({"sent": msg, "answer": answer}))
    elif answer is not None:
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))


def _send(client: Any, message: Any, wait_type: str | None, timeout: float) -> dict[str, Any] | None:
    """-> the answer as an object. Raises RequestTimeout, PolicyDenied."""
    from ...denials import DENIED, denial
    from ...errors import RequestTimeout
    from ...messages import BusMessage

    if wait_type is None:
        client.emit(message)
        return None
    answer = client.wait_for_response(message, [wait_type, DENIED], timeout)
    if answer is None:
        raise RequestTimeout(
            f"no {wait_type!r} within {timeout:g} s",
            hint=f"old hubs drop what is not allowed without a word: `hivemind-core allow-msg {message.msg_type}`",
        )
    if answer.msg_type == DENIED:
        raise denial(BusMessage.of(answer))
    return BusMessage.of(answer).as_dict


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--payload") from None
    if not isinstance(value, dict):
        raise click.BadParameter("a JSON object is needed", param_hint="--payload")
    return value
