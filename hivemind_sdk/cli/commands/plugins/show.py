"""`plugins show`: what one plugin provides, its options, where it comes from, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ...console import fitted, json_line, json_option, line, one_line

if TYPE_CHECKING:
    from ....plugins.inspection import Inspection
    from ....plugins.instances import OptionFacts
    from ....plugins.records import PluginReport, Registration

_UNSAID = ("name", "help", "rank", "create", "create_async", "options")
"""fields of a record that have a place of their own"""


@click.command("show")
@click.argument("name")
@json_option("Print as JSON.")
def command(name: str, as_json: bool) -> None:
    """Show the plugin NAME: what it provides, its options, where it comes from, its state and why."""
    from ....plugins.inspection import inspect_plugins
    from ....plugins.records import KINDS
    from ....settings.plugins import plugin_settings
    from .naming import plugin_named

    origin = plugin_named(name)
    kinds = frozenset({origin.kind}) if origin.kind else frozenset(KINDS)
    inspected = inspect_plugins(plugin_settings(), kinds)
    by_provider: dict[str, list[PluginReport]] = {}
    for report in inspected.catalogue.reports:
        if report.name == origin.plugin:
            by_provider.setdefault(report.provider, []).append(report)
    found = [_described(reports, inspected) for reports in by_provider.values()]
    if as_json:
        json_line(found)
        return
    for one in found:
        for label, text in _lines(one):
            line(fitted(one_line(text), indent=" " * 13, first=f"{label:<13}"))


def _described(reports: list[PluginReport], inspected: Inspection) -> dict[str, Any]:
    """All that is known of the plugin that these reports are about."""
    first = reports[0]
    facts = inspected.facts.get((first.name, first.provider))
    return {
        "name": first.name,
        "provider": first.provider,
        "version": first.version,
        "value": first.value,
        "builtin": first.builtin,
        "doc": facts.doc if facts else "",
        "file": facts.file if facts else "",
        "import_seconds": max(one.import_seconds for one in reports),
        "fates": [{"state": str(one.state), "reason": one.reason, "records": one.records} for one in reports],
        "records": [
            _record(registration, facts.options.get(registration.label, ())) for registration in facts.registrations
        ]
        if facts
        else [],
    }


def _record(registration: Registration, options: tuple[OptionFacts, ...]) -> dict[str, Any]:
    record = registration.record
    fields = {name: value for name, value in vars(record).items() if name not in _UNSAID}
    return {
        "kind": record.kind,
        "name": record.name,
        "help": record.help,
        "rank": record.rank,
        "fields": fields,
        "options": [asdict(one) for one in options],
    }


def _lines(one: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(label, text) of each line."""
    yield "plugin", one["name"] + (" (built in)" if one["builtin"] else "")
    yield "provided by", f"{one['provider']} {one['version']}"
    if one["doc"]:
        yield "about", one["doc"]
    for fate in one["fates"]:
        yield "state", fate["state"] + (f": {', '.join(fate['records'])}" if len(one["fates"]) > 1 else "")
        if fate["reason"]:
            yield "", fate["reason"]
    yield "module", one["value"] + (f", {one['file']}" if one["file"] else "")
    if one["import_seconds"]:
        yield "import", f"{one['import_seconds'] * 1000:.0f} ms"
    for record in one["records"]:
        yield record["kind"], record["name"] + (f": {record['help']}" if record["help"] else "")
        yield "", "; ".join(_fields(record))
        for option in record["options"]:
            yield "  option", _option(option)
            yield "", f"${option['variables'][-1]}"


def _fields(record: dict[str, Any]) -> Iterator[str]:
    for name, value in record["fields"].items():
        if value != {}:
            yield f"{name} {_value(value)}"
    yield f"rank {record['rank']}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        value = tuple(f"{key}: {one}" for key, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _option(option: dict[str, Any]) -> str:
    default = "required" if option["required"] else f"default {option['default']}"
    return f"{option['name']}: {option['type']}, " + ("secret" if option["secret"] else default)
