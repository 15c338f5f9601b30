"""`plugins hooks`: what a plugin can provide, as the code says it."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from ...console import fitted, json_line, json_option, line, one_line

if TYPE_CHECKING:
    from ....hooks import PluginRecord

_INDENT = " " * 4


@click.command("hooks")
@json_option("Print as JSON.")
def command(as_json: bool) -> None:
    """Print the hooks that a plugin may have, with their documentation, and the fields of the records they return."""
    from ....plugins.loader import HOOKS

    found = [_described(name, record) for name, record in HOOKS.items()]
    if as_json:
        json_line(found)
        return
    for hook in found:
        line(f"{hook['name']} -> {hook['record']}", bold=True)
        line(_readable(hook["doc"]))
        line("\n" + _readable(f"{hook['record']}: {hook['record_doc']}"))
        for one in hook["fields"]:
            default = "" if one["default"] is None else f" = {one['default']}"
            line(f"      {one['name']}: {one['type']}{default}", dim=True)
        line("")


def _described(name: str, record: type[PluginRecord]) -> dict[str, Any]:
    from ....hooks import Hooks

    return {
        "name": name,
        "kind": record.kind,
        "doc": inspect.getdoc(getattr(Hooks, name)) or "",
        "record": record.__name__,
        "record_doc": inspect.getdoc(record) or "",
        "fields": list(_fields(record)),
    }


def _fields(record: type[PluginRecord]) -> Iterator[dict[str, Any]]:
    """Name, type and default of each; the default is None where a value has to be given."""
    for one in dataclasses.fields(record):
        default = None if one.default is dataclasses.MISSING else repr(one.default)
        yield {"name": one.name, "type": str(one.type), "default": default}


def _readable(text: str) -> str:
    """Indented; what is no code as wide as the terminal."""
    parts = text.split("\n\n")
    return "\n\n".join(
        indent(one, _INDENT) if one.startswith(" ") else fitted(one_line(one), indent=_INDENT) for one in parts
    )
