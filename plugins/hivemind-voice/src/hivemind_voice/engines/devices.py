"""The sound devices of this machine, as miniaudio lists them."""

from __future__ import annotations

from typing import Any

import miniaudio

NULL = "Null"
"""miniaudio's name of what it falls back to where there is no sound system: it takes and gives silence"""
_SILENT = "null"


def names(which: str) -> list[str]:
    """Of the `captures`, or the `playbacks`. Empty where there is no sound system."""
    devices = miniaudio.Devices()
    return [] if devices.backend == NULL else [str(one["name"]) for one in _listed(devices, which)]


def chosen(which: str, name: str) -> tuple[list[miniaudio.Backend], Any]:
    """Backends and the id of the device that has `name` in its name; '' is the system's choice. Raises OSError."""
    if name == _SILENT:
        return [miniaudio.Backend.NULL], None
    if not name:
        return [], None
    found = _listed(miniaudio.Devices(), which)
    for one in found:
        if name.casefold() in one["name"].casefold():
            return [], one["id"]
    known = ", ".join(repr(one["name"]) for one in found) or "none"
    raise OSError(f"no device has {name!r} in its name; there are: {known}")


def _listed(devices: miniaudio.Devices, which: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = getattr(devices, f"get_{which}")()
    return listed
