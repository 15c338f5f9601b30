"""A HiveMind satellite that listens and speaks: `hivemind-client voice`, or VoiceSatellite in a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .async_satellite import AsyncVoiceSatellite as AsyncVoiceSatellite
    from .errors import SoundFailed as SoundFailed
    from .events import Kind as Kind
    from .events import VoiceEvent as VoiceEvent
    from .machine import Phase as Phase
    from .satellite import VoiceSatellite as VoiceSatellite
    from .settings import VoiceSettings as VoiceSettings

_HOMES = {
    "AsyncVoiceSatellite": "async_satellite",
    "Kind": "events",
    "Phase": "machine",
    "SoundFailed": "errors",
    "VoiceEvent": "events",
    "VoiceSatellite": "satellite",
    "VoiceSettings": "settings",
}
__all__ = sorted(_HOMES)  # noqa: PLE0605 - names of strings


def __getattr__(name: str) -> object:
    """Loaded when first used: a hub that uses one of the engines has no need of the SDK."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{home}", __name__), name)
