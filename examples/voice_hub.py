"""A real hub that hears and speaks, as a program starts it: hivemind-core, an OVOS message bus, and a small assistant.

    with VoiceHub(Path("hub/bin"), Path("hub-home"), port=5678) as hub:
        key, password = hub.add_client("kitchen")

`hub/bin` has hivemind-core, ovos-messagebus, hivemind-audio-binary-protocol, pocketsphinx and hivemind-voice, whose
engines recognise speech by a grammar, and speak with espeak-ng. See docs/how-to/voice-hub.md.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import websocket

GRAMMAR = "public <all> = turn on the light | turn off the light | hello world;"
ANSWERS = {
    "turn on the light": "the light is on",
    "turn off the light": "the light is off",
    "hello world": "hello to you",
}
ALLOWED = ("recognizer_loop:utterance", "speak:synth", "speak:b64_audio", "recognizer_loop:b64_transcribe")
SOON = 60.0
"""seconds for a program to be up"""
WAKE_WORD = "hey_mycroft"
AUDIO = {
    "stt": {"module": "hivemind-voice-grammar-stt-plugin", "hivemind-voice-grammar-stt-plugin": {"grammar": GRAMMAR}},
    "tts": {"module": "hivemind-voice-espeak-tts-plugin", "hivemind-voice-espeak-tts-plugin": {}},
    "vad": {"module": "hivemind-voice-silero-vad-plugin", "hivemind-voice-silero-vad-plugin": {}},
    "wake_word": WAKE_WORD,
    "hotwords": {WAKE_WORD: {"module": "hivemind-voice-microwakeword-plugin"}},
}


class VoiceHub:
    """`programs`: where the hub's programs are. `home`: an empty folder, for its files. `port`: 0 takes a free one."""

    def __init__(self, programs: Path, home: Path, port: int = 0, **networks: Any) -> None:
        """`networks`: more of them, for server.json."""
        self.port = port or free_port()
        self.programs, self.home = programs.absolute(), home.absolute()
        self._bus_port = free_port()
        self._networks = networks
        self._running: list[subprocess.Popen[bytes]] = []
        self._bus: Any = None
        self.utterances: list[str] = []
        """what was understood"""

    def __enter__(self) -> VoiceHub:
        self._write_settings()
        try:
            self._start("ovos-messagebus", self._bus_port)
            self._bus = websocket.create_connection(f"ws://127.0.0.1:{self._bus_port}/core", timeout=SOON)
            self._bus.settimeout(None)
            threading.Thread(target=self._assist, name="assistant", daemon=True).start()
            self._start("hivemind-core", self.port, "listen")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._bus is not None:
            self._bus.close()
        for process in reversed(self._running):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def add_client(self, name: str) -> tuple[str, str]:
        """Permits a satellite. -> its access key and password"""
        allow = [part for one in ALLOWED for part in ("--allow", one)]
        done = subprocess.run(  # noqa: S603
            [self.programs / "hivemind-core", "add-client", "--name", name, *allow],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=SOON,
            check=True,
        )
        found = [re.search(rf"{what}:\s*(\S+)", done.stdout) for what in ("Access Key", "Password")]
        key, password = (one.group(1) for one in found if one)
        return key, password

    def log(self, program: str = "hivemind-core") -> str:
        """What a program has printed."""
        return (self.home / f"{program}.log").read_text(errors="replace")

    def _start(self, program: str, port: int, *arguments: str) -> None:
        """Run it until it listens on its port."""
        with (self.home / f"{program}.log").open("wb") as log:
            command = [self.programs / program, *arguments]
            process = subprocess.Popen(  # noqa: S603
                command, env=self._environment, stdout=log, stderr=log, cwd=self.home
            )
        self._running.append(process)
        end = time.monotonic() + SOON
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
                return
            time.sleep(0.1)
        raise RuntimeError(f"{program} did not listen on port {port}:\n{self.log(program)[-2000:]}")

    def _write_settings(self) -> None:
        module = "hivemind-audio-binary-protocol-plugin"
        agent = "hivemind-ovos-agent-plugin"
        server = {
            "network_protocol": {
                "hivemind-websocket-plugin": {"host": "127.0.0.1", "port": self.port},
                **self._networks,
            },
            "agent_protocol": {"module": agent, agent: {"host": "127.0.0.1", "port": self._bus_port}},
            "binary_protocol": {"module": module, module: AUDIO},
            "presence": {"enabled": False},
        }
        files = {
            "hivemind-core/server.json": server,
            "mycroft/mycroft.conf": {"websocket": {"host": "127.0.0.1", "port": self._bus_port}},
        }
        for name, content in files.items():
            path = self.home / "config" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))
        (self.home / "config" / "hivemind").mkdir(exist_ok=True)

    @property
    def _environment(self) -> dict[str, str]:
        """A home of its own."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "XDG_", "VIRTUAL_"))}
        folders = {f"XDG_{kind}_HOME": str(self.home / kind.lower()) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        return {**kept, **folders, "HOME": str(self.home), "PATH": path}

    def _assist(self) -> None:
        """The assistant: what OVOS and its skills are to a real house."""
        with contextlib.suppress(OSError, ValueError, websocket.WebSocketException):
            while text := self._bus.recv():
                message = json.loads(text)
                if message["type"] == "recognizer_loop:utterance":
                    self._answer(message)

    def _answer(self, message: dict[str, Any]) -> None:
        utterance = message["data"]["utterances"][0]
        self.utterances.append(utterance)
        context = dict(message["context"])
        context["source"], context["destination"] = context.get("destination"), context.get("source")
        answer = ANSWERS.get(utterance, "I did not understand")
        for kind, data in (("speak", {"utterance": answer, "lang": "en-US"}), ("ovos.utterance.handled", {})):
            self._bus.send(json.dumps({"type": kind, "data": data, "context": context}))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
