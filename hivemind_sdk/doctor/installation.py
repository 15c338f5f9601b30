"""Whose the import package `hivemind_bus_client` and the script `hivemind-client` of this environment are."""

from __future__ import annotations

import shutil
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PACKAGE, SCRIPT, ALWAYS = "hivemind_bus_client", "hivemind-client", "hivemind-sdk"
DROPIN = "hivemind_bus_client_dropin"
_OURS, _THEIRS = "hivemind_sdk", PACKAGE


def installation() -> dict[str, str]:
    """`hivemind_bus_client` and `hivemind-client` -> whose they are, in words."""
    return {PACKAGE: _package(), SCRIPT: _script()}


def _package() -> str:
    """Nothing is imported to find out."""
    spec = find_spec(PACKAGE)
    if spec is None:
        return "not installed"
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    if not places or places[0].name != DROPIN:
        switched_off = " (the drop-in is installed, but switched off)" if find_spec(DROPIN) else ""
        return f"the reference client {_version('hivemind-bus-client')}{switched_off}"
    rest = f"; what it does not have is the reference's {_version('hivemind-bus-client')}" if places[1:] else ""
    return f"the drop-in {_version('hivemind-bus-client-dropin')}, on this SDK{rest}"


def _script() -> str:
    """Distributions overwrite each other's script in silence; the drop-in serves both."""
    found = shutil.which(SCRIPT)
    if found is None:
        return f"not on PATH; `{ALWAYS}` is the same command"
    try:
        text = Path(found).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"{found}, which can't be read"
    if _OURS in text:
        return f"this SDK's, {found}"
    if _THEIRS in text:
        return f"the reference client's, {found}; `{ALWAYS}` is this SDK's"
    return f"somebody else's, {found}; `{ALWAYS}` is this SDK's"


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(no version)"
