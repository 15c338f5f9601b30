"""`map`: a picture of the hive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..console import json_line, json_option, line
from ..flood import ANSWERS, flood
from ..linking import linked
from ..options import answers_option, link_options, to_connect

if TYPE_CHECKING:
    from ...topology import HiveMapper


def _svg(hive_map: HiveMapper, title: str) -> str:
    from ...topology import render_svg

    return render_svg(hive_map, title=title)


def _html(hive_map: HiveMapper, title: str) -> str:
    from ...topology import render_html

    return render_html(hive_map, title=title)


def _json(hive_map: HiveMapper, title: str) -> str:  # noqa: ARG001 - data has no title
    return hive_map.to_json() + "\n"


FORMATS: Mapping[str, Callable[[HiveMapper, str], str]] = {".svg": _svg, ".html": _html, ".json": _json}


def _drawable(_ctx: click.Context, _param: click.Parameter, value: Path) -> Path:
    if value.suffix.lower() not in FORMATS:
        raise click.BadParameter(f"{value.name!r} says nothing of its format: end it with {', '.join(FORMATS)}")
    if not value.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(value.parent)!r}")
    return value


@click.command("map")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    required=True,
    callback=_drawable,
    help="Where it goes; .svg, .html or .json.",
)
@click.option("--title", default="Hive map", show_default=True, help="What stands above it.")
@answers_option(ANSWERS)
@json_option()
@link_options
@click.pass_obj
def command(app: str | None, /, output: Path, title: str, timeout: float, as_json: bool, **link: Any) -> None:
    """Draw the hive: its nodes, what they hang on, their sites, round trips, and whose key we trust."""
    from ...errors import RequestTimeout

    with linked(app, link, to_connect(timeout)) as satellite:
        if not flood(satellite, timeout):
            raise RequestTimeout(
                f"nobody answered within {timeout:g} s",
                hint="hubs answer PING from 4.1 on; this satellite needs the permission to propagate",
            )
        hive_map = satellite.hive_map
    output.write_text(FORMATS[output.suffix.lower()](hive_map, title), encoding="utf-8")
    if as_json:
        json_line({"written": str(output), "nodes": len(hive_map.nodes)})
    else:
        line(f"hive map written: {output} (nodes that answered: {len(hive_map.nodes)})")
