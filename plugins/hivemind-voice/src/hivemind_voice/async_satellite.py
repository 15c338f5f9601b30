"""The satellite for a client of the asyncio face. Its devices and engines block, so it has the same threads."""

from __future__ import annotations

import asyncio
from typing import Any

from .hub import LoopHub
from .satellite import Voice
from .settings import VoiceSettings


class AsyncVoiceSatellite:
    """Listens and speaks for an AsyncHiveMessageBusClient or an AsyncSatellite. Make it where their loop runs.

        async with AsyncVoiceSatellite(client, VoiceSettings(mode="relay")) as satellite:
            await satellite.wait_over()

    `voice` has what does not wait: `say`, `press`, `release`, `listen`, `silence`, `volume`, `phase`, `on_event`, whose
    callbacks are called on other threads. Raises as VoiceSatellite.
    """

    def __init__(self, client: Any, settings: VoiceSettings | None = None) -> None:
        settings = settings or VoiceSettings()
        self.voice = Voice(LoopHub(client, settings.lang, asyncio.get_running_loop()), settings)

    async def start(self) -> None:
        """Listens and speaks from now on. Raises SoundFailed if the microphone can't be opened."""
        await asyncio.to_thread(self.voice.start)

    async def stop(self) -> None:
        """Stops what it hears and says. The client stays connected."""
        await asyncio.to_thread(self.voice.stop)

    async def wait_over(self, timeout: float | None = None) -> bool:
        """Until a microphone that is a file is over, and all in it has been answered. -> whether it is so"""
        return await asyncio.to_thread(self.voice.wait_over, timeout)

    async def wait_idle(self, timeout: float | None = None) -> bool:
        """Until nothing is recorded, answered or said. -> whether it is so"""
        return await asyncio.to_thread(self.voice.wait_idle, timeout)

    async def __aenter__(self) -> AsyncVoiceSatellite:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()
