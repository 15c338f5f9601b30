"""`plugins hooks`: what a plugin can provide, as the code says it."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ...console import json_line, line
from ...options import json_option

if TYPE_CHECKING:
    from ....hooks import PluginRecord


@click.command("hooks")
@json_option("Print as JSON.")
def command(as_json: bool) -> None:
    """Print the hooks that a plugin may have, with their documentation, and the fields of the records they return."""
    from ....loader import HOOKS

    found = [_described(name, record) for name, record in HOOKS.items()]
    if as_json:
        json_line(found)
        return
    for hook in found:
        line(f"{hook['name']} -> {hook['record']}", bold=True)
        line(_indented(hook["doc"]))
        line(_indented(f"\n{hook['record']}: {hook['record_doc']}"))
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


def _indented(text: str) -> str:
    return "\n".join(f"    {one}".rstrip() for one in text.splitlines())
