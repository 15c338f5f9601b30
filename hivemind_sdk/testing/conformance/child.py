"""The process in which one plugin is held to its contracts: one line of JSON goes to whoever asked."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ...plugins.catalogue import Catalogue
from ...plugins.inspection.child import report_on
from ...plugins.loader import load_one
from ...plugins.records import KINDS, Origin
from ...settings.plugins import plugin_settings
from .contract import Result, run
from .records import async_contract_of, contract_of


def main(request: str, limit: float) -> None:
    """Import the plugin that `facts.written` wrote, and hold each of its records to its contract."""
    report_on(request, limit, _checked)


def _checked(origin: Origin) -> bytes:
    return json.dumps(_results(origin)).encode() + b"\n"


def _results(origin: Origin) -> dict[str, Any]:
    """`reason`: why it can't be loaded; `unchecked`: records for which there is no contract; `results`."""
    loaded = load_one(origin, frozenset(KINDS))
    if loaded.report is not None:
        return {"reason": loaded.report.reason or "it provides nothing", "unchecked": [], "results": []}
    settings = plugin_settings()
    catalogue = Catalogue.resolved(loaded.registrations, prefer=settings.prefer)
    contracts = {one.label: contract_of(one, catalogue, settings) for one in loaded.registrations}
    on_asyncio = {one.label: async_contract_of(one, catalogue, settings) for one in loaded.registrations}
    return {
        "reason": "",
        "unchecked": [label for label, contract in contracts.items() if contract is None],
        "results": [
            _told(label, result)
            for label, contract in [*contracts.items(), *on_asyncio.items()]
            if contract
            for result in run(contract)
        ],
    }


def _told(label: str, result: Result) -> dict[str, Any]:
    return {**asdict(result), "record": label, "seconds": round(result.seconds, 3)}
