"""Programs that use a satellite: what one is told, what it must do."""

from __future__ import annotations

from typing import Any, Protocol


class Application(Protocol):
    """What an ApplicationPlugin creates: one for each satellite. Its thread is that of the program, see below."""

    def start(self, satellite: Any) -> None:
        """Register callbacks and start what runs. `satellite`: a `hivemind_sdk.Satellite`, which may not be linked yet.

        Called once, within a moment: what takes long runs on a thread of its own. Raises SettingsError (or another
        error of `hivemind_sdk.errors`) for what can't be used; nothing is left running then.
        """

    def close(self) -> None:
        """End all of it, within five seconds: callbacks, threads, devices. The satellite may live on.

        Any number of times, also before `start`; never from a callback of the satellite.
        """
