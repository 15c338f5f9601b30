"""The options that commands share: where the hub is, who we are, how long to wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..client import HiveMessageBusClient

F = TypeVar("F", bound=Callable[..., Any])

_LINK = (
    click.option("--key", envvar="HIVEMIND_KEY", help="Access key [env: HIVEMIND_KEY; default: the identity's]."),
    click.option(
        "--password",
        envvar="HIVEMIND_PASSWORD",
        help="Password; `-` asks for it [env: HIVEMIND_PASSWORD; default: the identity's].",
    ),
    click.option("--host", envvar="HIVEMIND_HOST", help="ws://NAME or wss://NAME [env: HIVEMIND_HOST; default: the identity's]."),
    click.option("--port", type=click.IntRange(1, 65535), envvar="HIVEMIND_PORT", help="Port [default: the identity's, or 5678]."),
    click.option("--siteid", help="Where this satellite stands [default: the identity's]."),
)
_TLS = (
    click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="PEM file of the authority to trust."),
    click.option("--pin", help="SHA-256 of the hub's certificate, in hex: only this one is accepted."),
    click.option("--insecure", is_flag=True, help="Accept any certificate."),
)


def link_options(command: F) -> F:
    """--key --password --host --port --siteid --ca --pin --insecure"""
    for option in reversed(_LINK + _TLS):
        command = option(command)
    return command


def identity_options(command: F) -> F:
    """--key --password --host --port --siteid"""
    for option in reversed(_LINK):
        command = option(command)
    return command


def asked(password: str | None) -> str | None:
    """The password, asked for where it is `-`."""
    if password != "-":
        return password
    answer: str = click.prompt("Password", hide_input=True, err=True)
    return answer


def make_client(app: str | None, options: dict[str, Any], **more: Any) -> HiveMessageBusClient:
    """A client from the shared options; what was not given comes from the identity. Raises SettingsError."""
    from ..client import HiveMessageBusClient
    from ..node_identity import NodeIdentity

    return HiveMessageBusClient(
        key=options.get("key"),
        password=asked(options.get("password")),
        host=options.get("host"),
        port=options.get("port"),
        site_id=options.get("siteid"),
        self_signed=bool(options.get("insecure")),
        ca=options.get("ca"),
        tls_pin=options.get("pin"),
        identity=NodeIdentity(app_name=app),
        **more,
    )
