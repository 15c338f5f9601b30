"""The bus message that the options of a command describe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from ..messages import BusMessage


def bus_message(msg: str | None, payload: str | None) -> BusMessage:
    """From --msg and --payload. Raises click.UsageError."""
    from ..messages import BusMessage

    if not msg:
        raise click.UsageError("missing option '--msg': the type of the bus message")
    return BusMessage(msg, _object(payload) if payload else {})


def question(msg: str | None, payload: str | None, utterance: str | None, lang: str) -> BusMessage:
    """The same; or from --utterance and --lang. Raises click.UsageError."""
    if utterance is None:
        if not msg:
            raise click.UsageError("nothing to ask: give --utterance, or --msg and --payload")
        return bus_message(msg, payload)
    if msg or payload:
        raise click.UsageError("give --utterance, or --msg and --payload, not both")
    return utterance_message(utterance, lang)


def utterance_message(utterance: str, lang: str) -> BusMessage:
    """What somebody said, for the skills of the hub."""
    from ..messages import BusMessage

    data = {"utterances": [utterance], "lang": lang}
    return BusMessage("recognizer_loop:utterance", data, {"destination": "skills"})


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--payload") from None
    if not isinstance(value, dict):
        raise click.BadParameter('an object is needed, such as {"key": "value"}', param_hint="--payload")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
