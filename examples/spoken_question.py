"""A spoken question to a real hub, and its spoken answer: from text to sound, to a hub, and back to sound.

    python spoken_question.py answer.wav
    python spoken_question.py answer.wav --ask "turn off the light" --hub hub/bin

It needs espeak-ng, hivemind-voice, and a hub's programs (`--hub`), which it installs into `.voice-hub` if there are
none: hivemind-core and what it takes to hear and speak. That takes some minutes, and Python 3.11 or 3.12.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
import wave
from pathlib import Path

from voice_hub import VoiceHub
from voice_satellite import show

from hivemind_sdk import HiveMessageBusClient, NodeIdentity
from hivemind_voice import VoiceSatellite, VoiceSettings

SECONDS = 60.0
ROOT = Path(__file__).resolve().parent.parent
HUB = ROOT / "tests/interop/requirements/hivemind-voice-hub-5.3.10a1.txt"
"""the versions that have been tried with each other, for Python 3.11 and 3.12"""


def install(folder: Path) -> Path:
    """-> where the programs of a hub are; they are installed there first, unless they are there already."""
    programs = folder / "bin"
    if not (programs / "ovos-messagebus").exists():
        print(f"installing a hub into {folder}: this takes some minutes")
        venv.create(folder, with_pip=True)
        pip = [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for what in (("-r", HUB, "setuptools<81"), (ROOT / "plugins/hivemind-voice",)):  # whose engines need no SDK
            subprocess.run([*pip, "--no-deps", *what], check=True)  # noqa: S603
    return programs


def speak(text: str, path: Path) -> None:
    """Write a WAV file in which somebody says this, after a moment of silence."""
    command = ["espeak-ng", "-v", "en-us", "-s", "140", "--stdout", text]
    said = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603
    rate, pcm = int.from_bytes(said[24:28], "little"), said[44:]  # a WAV header has 44 bytes
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(rate) + pcm)


def main(hub: Path, question: str, answer: Path, folder: Path) -> list[str]:
    """-> what was understood. `folder`: for files that nobody needs later."""
    asked = folder / "question.wav"
    speak(question, asked)
    settings = VoiceSettings(microphone=str(asked), speaker=str(answer), wake_word="none", sounds=False)
    with VoiceHub(hub, folder / "hub") as running:
        key, password = running.add_client("kitchen")
        identity = NodeIdentity(str(folder / "_identity.json"))
        where = {"host": "ws://127.0.0.1", "port": running.port, "identity": identity}
        with HiveMessageBusClient(key=key, password=password, **where) as client:
            satellite = VoiceSatellite(client, settings)
            satellite.on_event(show)
            with satellite:
                satellite.wait_over(SECONDS)
                satellite.wait_idle(SECONDS)
        return running.utterances


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answer", type=Path, help="the WAV file to write")
    parser.add_argument("--ask", default="turn on the light", help="what to say")
    parser.add_argument("--hub", type=Path, help="where the programs of a hub are")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        understood = main(given.hub or install(Path(".voice-hub")), given.ask, given.answer, Path(scratch))
    sys.exit(0 if understood and given.answer.exists() else "nothing was understood")
