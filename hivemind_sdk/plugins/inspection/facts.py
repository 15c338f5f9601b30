"""What a plugin provides, as one line of JSON: its records without their code, its options, its origin.

Both ends are here: the process that has imported the plugin writes; the one that asked reads and validates.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from ...hooks import PluginRecord
from ...messages import HiveMessageType
from ..instances import OptionFacts, option_facts
from ..loader import HOOKS, Loaded
from ..records import Origin, PluginReport, PluginState, Registration, record_fault
from ..typehints import field_fault

RECORDS: Mapping[str, type[PluginRecord]] = {record.kind: record for record in HOOKS.values()}
"""kind -> the record"""
_LONGEST = 4_000
_CODE = ("create", "create_async", "options")
"""fields that don't travel"""
_READ: Mapping[str, Callable[[Any], Any]] = {
    "types": lambda names: tuple(map(HiveMessageType, names)),
    "schemes": tuple,
    "key_sizes": tuple,
}
"""fields that JSON has no type for"""


@dataclasses.dataclass(frozen=True)
class Facts:
    """`registrations`: records that create nothing. `report` where it provides none, with the reason.

    `options`: `kind:name` of a record -> what it can be told. `doc`: the first line of the module's docstring; `file`:
    its source.
    """

    registrations: tuple[Registration, ...]
    report: PluginReport | None
    options: Mapping[str, tuple[OptionFacts, ...]]
    doc: str = ""
    file: str = ""

    @classmethod
    def read(cls, line: bytes, origin: Origin) -> Facts:
        """Raises ValueError for a line that is no report of this plugin."""
        try:
            return _read(json.loads(line), origin)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError("no report of a plugin") from error


def written(origin: Origin) -> str:
    return json.dumps(dataclasses.asdict(origin))


def read_origin(text: str) -> Origin:
    return Origin(**json.loads(text))


def line_of(loaded: Loaded, origin: Origin, doc: str, file: str) -> bytes:
    """What the asking process reads, with its end."""
    told: dict[str, Any] = {"doc": doc, "file": file, "records": []}
    told["import_seconds"] = loaded.origin.import_seconds
    if loaded.report is not None:
        told |= {"state": loaded.report.state, "reason": loaded.report.reason}
    for registration in loaded.registrations:
        record = registration.record
        options = option_facts(origin.names, record.options) if record.options else ()
        told["records"].append({"kind": record.kind, "fields": dict(_fields(record)), "options": options})
    return json.dumps(told, default=dataclasses.asdict).encode() + b"\n"


def _fields(record: PluginRecord) -> Iterator[tuple[str, Any]]:
    for one in dataclasses.fields(RECORDS[record.kind]):
        if one.name not in _CODE:
            yield one.name, getattr(record, one.name)


def _read(told: Mapping[str, Any], origin: Origin) -> Facts:
    origin = dataclasses.replace(origin, import_seconds=float(told["import_seconds"]))
    registrations = tuple(Registration(_record(one["kind"], one["fields"]), origin) for one in told["records"])
    options = {
        registration.label: tuple(map(_option, one["options"]))
        for registration, one in zip(registrations, told["records"], strict=True)
    }
    report = None
    if not registrations:
        report = origin.report(PluginState(told["state"]), _text(told["reason"]))
    return Facts(registrations, report, options, _text(told["doc"]), _text(told["file"]))


def _record(kind: str, fields: Mapping[str, Any]) -> PluginRecord:
    values = {name: _READ.get(name, _same)(value) for name, value in fields.items() if name not in _CODE}
    record: PluginRecord = RECORDS[kind](**values, create=_elsewhere)  # type: ignore[call-arg]
    if fault := record_fault(record):
        raise ValueError(fault)
    return record


def _option(fields: Mapping[str, Any]) -> OptionFacts:
    values: dict[str, Any] = {**fields, "variables": tuple(fields["variables"])}
    option = OptionFacts(**values)
    if fault := field_fault(option):
        raise ValueError(fault)
    return option


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value[:_LONGEST]


def _same(value: Any) -> Any:
    return value


def _elsewhere(*_options: Any, **_context: Any) -> NoReturn:
    raise RuntimeError("a record of another process creates nothing")
