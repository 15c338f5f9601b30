"""A voice satellite as a program: it listens for its wake word, asks the hub, and speaks. Ctrl-C ends it.

    python voice_satellite.py                           # microphone and speaker of this machine
    python voice_satellite.py question.wav answer.wav   # without them

Hub, key and password come from the identity that `hivemind-client set-identity` wrote.
"""

from __future__ import annotations

import sys

from hivemind_sdk import HiveMessageBusClient
from hivemind_voice import VoiceEvent, VoiceSatellite, VoiceSettings

SECONDS = 60.0


def show(event: VoiceEvent) -> None:
    """All that happens."""
    print(f"{event.kind}: {event.text}")


def main(client: HiveMessageBusClient, settings: VoiceSettings) -> None:
    """Listen and speak for this client, for as long as the microphone lasts."""
    satellite = VoiceSatellite(client, settings)
    satellite.on_event(show)
    with satellite:
        satellite.wait_over()
        satellite.wait_answered(SECONDS)


if __name__ == "__main__":
    question, answer = sys.argv[1:3] or ("miniaudio", "device")
    with HiveMessageBusClient() as connected:
        main(connected, VoiceSettings(mode="relay", wake_phrase="hey_mycroft", microphone=question, speaker=answer))
