"""A doorbell that only speaks: it has a speaker and no microphone, and says what the hub tells it.

It rings when somebody presses Enter, and tells the house by a bus message of its own: permit that type on the hub with
`hivemind-core allow-msg doorbell.pressed NODE_ID`.

Hub, key and password come from the identity that `hivemind-client set-identity` wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from hivemind_sdk import BusMessage, HiveMessageBusClient
from hivemind_voice import VoiceSatellite, VoiceSettings

SECONDS = 60.0
WELCOME = "somebody comes"


def main(client: HiveMessageBusClient, settings: VoiceSettings, presses: Iterable[str]) -> None:
    """Speaks for as long as there are presses to wait for."""
    with VoiceSatellite(client, settings) as satellite:
        for _line in presses:
            client.emit(BusMessage("doorbell.pressed", {"door": "front"}))
            satellite.say(WELCOME)
        satellite.wait_idle(SECONDS)


if __name__ == "__main__":
    with HiveMessageBusClient() as connected:
        main(connected, VoiceSettings(microphone="none", volume=80), sys.stdin)
