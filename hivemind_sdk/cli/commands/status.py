"""`status`: the state of a link to the hub, what was negotiated, and what was counted; once, or over and over."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .. import overview
from ..console import json_line, json_option, line
from ..failures import REPORT
from ..linking import closing, make_settings
from ..options import link_options, timeout_option

if TYPE_CHECKING:
    from ...satellite.satellite import Satellite

EVERY = 1.0
"""seconds between two looks"""
PING_AFTER = 0.2
"""seconds of silence before a ping, so that there is a round trip to show"""
_HOME = "\x1b[H\x1b[J"
"""the cursor to the upper left, and nothing below it"""


class _FirstRoundTrip:
    """An observer to wait on."""

    def __init__(self) -> None:
        self.came: SimpleQueue[None] = SimpleQueue()

    def observe(self, event: Any) -> None:
        from ...contracts.observations import RoundTrip

        if isinstance(event, RoundTrip):
            self.came.put(None)


@click.command("status")
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C, and show it every second.")
@timeout_option()
@json_option("Print as JSON; with --watch, an object every second.")
@link_options
@click.pass_context
def command(ctx: click.Context, /, watch: bool, timeout: float, as_json: bool, **link: Any) -> None:
    """Connect, and show the state of the link, what was negotiated, and the counters.

    With --watch the link is kept up: on a terminal the picture is refreshed in place, elsewhere a line is printed.
    """
    from ...satellite.satellite import Satellite

    settings, identity = make_settings(ctx.obj, link, timeout, reconnect=watch)
    settings = replace(settings, deadlines=replace(settings.deadlines, keepalive=PING_AFTER))
    pinged = _FirstRoundTrip()
    with closing(Satellite(settings, identity=identity.state, observers=[pinged])) as satellite:
        try:
            if watch:
                _watch(satellite, as_json=as_json)
            satellite.connect(timeout)
        except Exception:
            ctx.meta[REPORT] = overview.values(satellite)
            raise
        with suppress(Empty):
            pinged.came.get(timeout=EVERY)
        _show(overview.values(satellite), as_json=as_json)


def _watch(satellite: Satellite, *, as_json: bool) -> NoReturn:
    """Until Ctrl-C, or until the link has ended for good: that is raised."""
    from ...contracts.status import FINAL, State
    from ...errors import LinkClosed

    in_place = not as_json and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    satellite.start()
    while (status := satellite.wait_for(State.CLOSED, timeout=EVERY)).state not in FINAL:
        told = overview.values(satellite)
        if in_place:
            click.echo(_HOME, nl=False)
        if in_place or as_json:
            _show(told, as_json=as_json)
        else:
            counted = (f"{label} {text}" for label, text in overview.counted(told["counters"]))
            line("; ".join([overview.headline(told), *counted]))
    raise status.cause or LinkClosed()


def _show(told: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        json_line(told)
        return
    line(f"== {overview.headline(told)}", bold=True)
    for text in overview.rows(told):
        line(text)
