"""`intercom`: send one bus message that only its recipient can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from ..console import json_option
from ..keys import named_key, shown
from ..options import link_options, message_options, timeout_option, utterance_options
from ..payload import question
from ..sending import send_once

if TYPE_CHECKING:
    from ...satellite.satellite import Satellite


@click.command("intercom")
@click.option("--to", "recipient", metavar="ALIAS|FILE", required=True, help="A trusted key's alias, or a PEM file.")
@message_options
@utterance_options
@timeout_option()
@json_option()
@link_options
@click.pass_obj
def command(
    app: str | None,
    /,
    recipient: str,
    msg: str | None,
    payload: str | None,
    utterance: str | None,
    lang: str,
    timeout: float,
    as_json: bool,
    **link: Any,
) -> None:
    """Send one bus message that only its recipient can read.

    It is sealed for the recipient's public key and signed with ours. The recipient acts on it only if it trusts our key
    (`hivemind-client trust add`); nobody says whether it arrived.
    """
    from ...client.node_identity import NodeIdentity

    message = question(msg, payload, utterance, lang)
    pem = named_key(recipient, NodeIdentity(app_name=app).trusted_keys)

    def send(satellite: Satellite) -> Mapping[str, Any]:
        satellite.intercom(message, pem)
        return {"verb": "intercom", "to": shown(pem)}

    send_once(app, link, timeout, message, send, as_json=as_json)
