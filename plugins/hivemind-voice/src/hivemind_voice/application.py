"""The table `[voice]` of a satellite that is run from a file. Its keys are those of VoiceSettings."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hivemind_sdk.hooks import ApplicationPlugin, hookimpl

from .settings import VoiceSettings

if TYPE_CHECKING:
    from .events import VoiceEvent
    from .satellite import VoiceSatellite

HIVEMIND_API = 1
log = logging.getLogger(__name__)


class VoiceApplication:
    """Listens and speaks for a satellite; what happens is in the log, and levels are not."""

    def __init__(self, settings: VoiceSettings) -> None:
        self._settings = settings
        self._voice: VoiceSatellite | None = None

    def start(self, satellite: Any) -> None:
        """Raises PluginMissing, SoundFailed for engines and devices that can't be used."""
        from .satellite import VoiceSatellite

        voice = VoiceSatellite(satellite, self._settings)
        voice.on_event(_logged)
        try:
            voice.start()
        except BaseException:
            voice.stop()
            raise
        self._voice = voice

    def close(self) -> None:
        """What is being said stops."""
        voice, self._voice = self._voice, None
        if voice is not None:
            voice.stop()


def _logged(event: VoiceEvent) -> None:
    log.info("%s: %s", event.kind, event.text)


@hookimpl
def hivemind_applications() -> Iterable[ApplicationPlugin]:
    return [ApplicationPlugin(name="voice", create=VoiceApplication, options=VoiceSettings, help="listens and speaks")]
