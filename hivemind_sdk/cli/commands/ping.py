"""`ping`: who is in the hive, and how far away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..console import json_line, json_option, line, one_line
from ..flood import ANSWERS, flood
from ..linking import linked
from ..options import answers_option, link_options, to_connect

if TYPE_CHECKING:
    from ...topology import NodeInfo


@click.command("ping")
@answers_option(ANSWERS)
@json_option("Print the hive map as one object: nodes with their round trips and paths, and edges.")
@link_options
@click.pass_obj
def command(app: str | None, /, timeout: float, as_json: bool, **link: Any) -> None:
    """Show which nodes of the hive answer, as their answers come, and then the tree that they form.

    What a node says of itself is its own word. Latency is the round trip, from our PING to its answer.
    """
    greeting = f"== connected to HiveMind, sending PING (timeout={timeout:g}s)"
    with linked(app, link, to_connect(timeout), greeting=greeting) as satellite:
        answered = flood(satellite, timeout, None if as_json else _show)
        hive_map = satellite.hive_map
    if as_json:
        json_line(hive_map.to_dict())
    elif answered:
        line("\n== Hive Map ==")
        line(hive_map.to_ascii())
    else:
        line("[No responses received within the timeout window]")


def _show(node: NodeInfo) -> None:
    from ...topology import display_peer

    site = f"  site={one_line(node.site_id)}" if node.site_id else ""
    latency = f"  latency={node.rtt_ms:.0f}ms" if node.rtt_ms is not None else ""
    line(f"  PING from {display_peer(node.peer)}{site}{latency}")
