"""A button to talk: what is said while it is held goes to the hub, and the answer is spoken.

Here Enter is the button: once to begin, once to end. On a Raspberry Pi, `gpiozero.Button(17)` takes its place:
`button.when_pressed = satellite.press` and `button.when_released = satellite.release`.

Hub, key and password come from the identity that `hivemind-client set-identity` wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from hivemind_sdk import HiveMessageBusClient
from hivemind_voice import VoiceSatellite, VoiceSettings

SECONDS = 60.0


def main(client: HiveMessageBusClient, settings: VoiceSettings, presses: Iterable[str]) -> None:
    """Each item of `presses` is a press of the button, then a release."""
    with VoiceSatellite(client, settings) as satellite:
        for number, _line in enumerate(presses):
            if number % 2:
                satellite.release()
                satellite.wait_idle(SECONDS)
            else:
                satellite.press()


if __name__ == "__main__":
    with HiveMessageBusClient() as connected:
        main(connected, VoiceSettings(mode="push-to-talk"), sys.stdin)
