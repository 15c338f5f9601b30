"""A satellite, linked to the hub of the options for as long as a command runs; and what the hub makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from .console import JSON, line, warn
from .environment import unread
from .interrupts import interrupted
from .set_option import with_set

if TYPE_CHECKING:
    from ..client.node_identity import NodeIdentity
    from ..messages import BusMessage
    from ..satellite.satellite import Satellite
    from ..settings import Endpoint, Settings

GOODBYE, IMPATIENCE = 5.0, 0.5
"""seconds for closing a link: at the end of a command; of one that failed to come up, or is not wanted any more"""
OBJECTION = 0.5
"""seconds in which a hub says that it does not allow a message, if it ever says so"""


def make_settings(
    app: str | None, link: Mapping[str, Any], timeout: float, *, reconnect: bool = False
) -> tuple[Settings, NodeIdentity]:
    """From the values of `link_options`; what was not given comes from the identity. Raises SettingsError, ..."""
    from ..client.node_identity import NodeIdentity
    from ..identity.credentials import resolve
    from ..settings import Deadlines, Settings, TLSSettings

    identity = NodeIdentity(app_name=app)
    endpoint, credentials = resolve(
        identity,
        key=link["key"],
        password=link["password"],
        host=link["host"],
        port=link["port"],
        provisioned_key=link["provisioned_key"],
    )
    settings = Settings(
        dialled(endpoint),
        credentials,
        site_id=link["siteid"] or None,
        app=app,
        min_protocol=link["min_protocol"],
        max_protocol=link["max_protocol"],
        tls=TLSSettings(verify=not link["insecure"], ca=link["ca"], pin=link["pin"]),
        deadlines=Deadlines(connect=timeout, hello=timeout, handshake=timeout, close=IMPATIENCE),
        reconnect=reconnect,
    )
    return with_set(settings, link["set_"]), identity


def dialled(endpoint: Endpoint) -> Endpoint:
    """The endpoint with the port that will be dialled: where none was given, its transport says it."""
    if endpoint.port_given:
        return endpoint
    from ..plugins.loader import shared

    return shared().with_port(endpoint)


def make_satellite(app: str | None, link: Mapping[str, Any], timeout: float, *, reconnect: bool = False) -> Satellite:
    """Of these settings, and the state of this identity."""
    from ..satellite.satellite import Satellite

    settings, identity = make_settings(app, link, timeout, reconnect=reconnect)
    satellite = Satellite(settings, identity=identity.state)
    for text in unread(satellite.catalogue):
        warn(text)
    return satellite


@contextmanager
def linked(
    app: str | None,
    link: Mapping[str, Any],
    timeout: float,
    *,
    reconnect: bool = False,
    greeting: str = "== connected to HiveMind",
) -> Iterator[Satellite]:
    """The same, connected within `timeout` seconds, at the first attempt; closed at the end, when all has been sent."""
    with closing(make_satellite(app, link, timeout, reconnect=reconnect)) as satellite:
        info = satellite.connect(timeout)
        if info.warnings:
            more = len(info.warnings) - 1
            warn(info.warnings[0] + (f" (and {more} more: see test-identity)" if more else ""))
        if not click.get_current_context().meta.get(JSON):
            line(greeting)
        yield satellite


@contextmanager
def closing(satellite: Satellite) -> Iterator[Satellite]:
    """Close it at the end, with time for what was sent to leave; at once for who presses Ctrl-C."""
    patience = GOODBYE
    try:
        yield satellite
    except BaseException as error:
        if interrupted(error):
            patience = 0.0
        raise
    finally:
        satellite.close(patience)


class Verdict:
    """What comes back once something was sent, within `timeout` seconds: a bus message of a wanted type, or a denial.

    `about`: the bus type that is sent, by which a denial is known. Make it before sending.
    """

    def __init__(self, satellite: Satellite, about: str, timeout: float, wanted: str | None = None) -> None:
        from ..engine.requests import BusReply

        request = BusReply("wait:verdict", () if wanted is None else (wanted,), sent_type=about)
        self._answers = satellite.parts.requests.open(request, timeout)

    def answer(self) -> BusMessage | None:
        """The first message of the wanted type; None if none came. Raises PolicyDenied, LinkClosed, ..."""
        from ..errors import RequestAborted, RequestTimeout

        try:
            found: BusMessage = next(self._answers)
        except RequestTimeout:
            return None
        except RequestAborted as error:
            raise error.__cause__ or error from None
        return found
