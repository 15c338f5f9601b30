"""A minute of microphone, streamed to a real hub in real time: `hivemind-client voice` beside hivemind-mic-satellite.

    python benchmarks/voice.py [--seconds 60] [--rounds 1]

Both run as users start them, at once, with the same microphone and the same voice activity, which finds speech in all
of it. What they use is measured by the microphone, from its third second on. hivemind-mic-satellite 0.10.3a1 and its
client 1.2.12a1 come from tests/interop/requirements/voice.txt, the hub from hivemind-voice-hub-5.3.10a1.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CPU, MEMORY = 0.5, 0.75
"""at most so much of the reference"""
CONFIG = {
    "listener": {"microphone": {"module": "bench-mic"}, "VAD": {"module": "bench-vad", "bench-vad": {}}},
}


def main() -> None:
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "examples")]
    from interop.servers import interpreter
    from interop.test_voice import install_engines
    from voice_hub import VoiceHub

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--templates", action="store_true", help="the plugins import OVOS' templates, as many do")
    wanted = parser.parse_args()
    if wanted.templates:
        os.environ["VOICE_BENCH_TEMPLATES"] = "1"
    programs = interpreter("hivemind-voice-hub-5.3.10a1").parent
    install_engines(programs)
    reference = interpreter("voice").parent / "hivemind-mic-sat"
    ours = Path(sys.executable).parent / "hivemind-client"
    found: dict[str, list[dict[str, float]]] = {"ours": [], "reference": []}
    for _round in range(wanted.rounds):
        with tempfile.TemporaryDirectory() as folder, VoiceHub(programs, Path(folder) / "hub") as hub:
            where = {}
            for name in found:
                key, password = hub.add_client(name)
                where[name] = [
                    "--key",
                    key,
                    "--password",
                    password,
                    "--host",
                    "ws://127.0.0.1",
                    "--port",
                    str(hub.port),
                ]
            engines = ["--mode", "microphone", "--microphone", "bench-mic", "--vad", "bench-vad", "--no-sounds"]
            homes = {name: Path(folder) / name for name in found}
            environments = {name: _environment(home, wanted.seconds) for name, home in homes.items()}
            _run([ours, "set-identity", *where["ours"]], environments["ours"])
            running = {
                "ours": _start([ours, "voice", *engines], environments["ours"]),
                "reference": _start([reference, *where["reference"]], environments["reference"]),
            }
            try:
                for name, process in running.items():
                    found[name].append(_measured(process))
                    _check_sent(hub.log(), name, wanted.seconds)
            finally:
                for process in running.values():
                    process.kill()
                    process.communicate()
    _report(found, wanted.seconds)


def _environment(home: Path, seconds: float) -> dict[str, str]:
    """A home of its own, in which mycroft.conf names microphone and voice activity."""
    config = home / "config" / "mycroft" / "mycroft.conf"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps(CONFIG))
    folders = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
    more = {"PYTHONPATH": str(HERE / "voice_stand_ins"), "VOICE_BENCH_SECONDS": str(seconds), "HIVEMIND_DROPIN": "off"}
    return {**os.environ, **folders, **more, "HOME": str(home), "PYTHONUNBUFFERED": "1"}


def _run(command: list[Any], environment: dict[str, str]) -> None:
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=60)


def _start(command: list[Any], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _measured(process: subprocess.Popen[str]) -> dict[str, float]:
    said = []
    for line in process.stderr or ():
        if line.startswith("@"):
            measured: dict[str, float] = json.loads(line[1:])
            return measured
        said.append(line)
    raise SystemExit(f"a satellite ended before it was measured:\n{''.join(said[-20:])}")


def _check_sent(log: str, name: str, seconds: float) -> None:
    """That it has streamed: the hub's log has a line for each message of this client."""
    sent = sum(f"::{name}::" in line and "BINARY" in line for line in log.splitlines())
    print(f"{name}: {sent} messages with sound")
    if sent < seconds * 2:
        raise SystemExit(f"{name} has not streamed {seconds:g} s of sound")


def _report(found: dict[str, list[dict[str, float]]], seconds: float) -> None:
    for what, unit, most in (("cpu", "s", CPU), ("memory", "MiB", MEMORY)):
        ours, theirs = ([one[what] for one in found[name]] for name in ("ours", "reference"))
        ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
        print(f"{what}: {statistics.median(ours):.3f} {unit}, the reference {statistics.median(theirs):.3f} {unit}")
        print(f"{what}: {ratio:.2f} of the reference (at most {most} is wanted)")
    print(f"{seconds:g} s of microphone, {len(found['ours'])} round(s)")


if __name__ == "__main__":
    main()
