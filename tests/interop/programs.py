"""An environment of real programs with our drop-in, and conversations in it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from interop.servers import HERE, ROOT, Client, Server, ServerFailed, _environment, _run, interpreter
from ports import free_port
from wheel_kit import build

DROPIN = ROOT / "plugins" / "hivemind-bus-client-dropin"
VOICE = {
    "listener": {
        "microphone": {"module": "stand-in-mic"},
        "VAD": {"module": "stand-in-vad", "stand-in-vad": {}},
        "wake_word": "hey_test",
    },
    "hotwords": {"hey_test": {"module": "stand-in-ww"}},
    "stt_transport": "binary",
    "tts_transport": "binary",
}
"""mycroft.conf"""
SPEECH = {
    "stt": {"module": "stand-in-stt", "stand-in-stt": {}},
    "tts": {"module": "stand-in-tts", "stand-in-tts": {}},
}
PLAYED = {"play_wav_cmdline": "cp %1 played/", "enable_old_audioservice": False}
SOURCES = ("pyproject.toml", "hivemind_sdk/**/*.py", "plugins/**/src/**/*", "plugins/hivemind_*/*.py")


def python_of(name: str) -> Path:
    """The Python of `requirements/NAME.txt`, with the SDK and the drop-in of this checkout installed after all else."""
    python = interpreter(name)
    packages = next((python.parent.parent / "lib").glob("python3*/site-packages"))
    stamp = packages / "ours-installed"
    state = _state()
    with (packages / "ours.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != state:
            for project in (ROOT, DROPIN):
                folder = packages.parent / f"wheel-of-{project.name}"
                folder.mkdir(exist_ok=True)
                for old in folder.glob("*.whl"):
                    old.unlink()
                wheel = build(folder, project)
                pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index")
                _run(str(python), *pip, "--force-reinstall", str(wheel))
            stamp.write_text(state)
    return python


def _state() -> str:
    files = sorted(
        path for pattern in SOURCES for path in ROOT.glob(pattern) if path.is_file() and path.suffix != ".pyc"
    )
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


class Program:
    """Something that runs in such an environment, in a folder of its own. Use it in a `with`."""

    def __init__(
        self, folder: Path, *command: str, environment: str = "programs", stderr_too: bool = False, **environ: str
    ) -> None:
        """`stderr_too`: lines are looked for in both streams."""
        self._folder = folder
        self._stderr_too = stderr_too
        self._python = python_of(environment)
        self._command = command
        self._environ = environ

    def environ(self) -> dict[str, str]:
        path = f"{self._python.parent}{os.pathsep}{os.environ['PATH']}"
        return {**_environment(self._folder), "PATH": path, "PYTHONUNBUFFERED": "1", **self._environ}

    def set_identity(self, hub: Server, client: Client) -> None:
        """By the command that users type."""
        command = [self._python.parent / "hivemind-client", "set-identity", "--key", client.key]
        command += ["--password", client.password, "--host", f"ws://{hub.host}", "--port", str(hub.port)]
        done = subprocess.run(command, env=self.environ(), capture_output=True, text=True, timeout=60, cwd=self._folder)
        assert done.returncode == 0, done.stdout + done.stderr

    def __enter__(self) -> Program:
        self._folder.mkdir(parents=True, exist_ok=True)
        script = self._command[0]
        first = [str(self._python), script] if script.endswith(".py") else [str(self._python.parent / script)]
        self._log = (self._folder / "program.log").open("w")
        self._process = subprocess.Popen(
            [*first, *self._command[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if self._stderr_too else self._log,
            text=True,
            cwd=self._folder,
            env=self.environ(),
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)
        for stream in (self._process.stdin, self._process.stdout, self._log):
            stream.close()

    def type(self, line: str) -> None:
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def line_with(self, text: str) -> str:
        """The next line of its output that has this in it. ServerFailed, with its log, where it ends before."""
        for line in self._process.stdout:
            if text in line:
                return line.rstrip("\n")
        log = (self._folder / "program.log").read_text(errors="replace")[-4000:]
        raise ServerFailed(f"{' '.join(self._command[:2])} did not say {text!r}\n{log}")

    def ends_with_error(self) -> str:
        """It ends in a traceback. -> the class of the exception"""
        self._process.wait(60)
        log = (self._folder / "program.log").read_text(errors="replace")
        # the last line with a class's full name: from Python 3.11 on, the exception's notes stand below it
        return re.findall(r"^[\w.]+\.(\w+): ", log, re.MULTILINE)[-1]

    def told(self) -> Any:
        """The next thing that a conversation tells."""
        return json.loads(self.line_with("@{")[1:])


def voice(folder: Path, name: str, hub: Server, **options: Any) -> Program:
    """A conversation of a voice satellite: stand-ins for its devices are found as OVOS plugins are."""
    config = folder / "config" / "mycroft" / "mycroft.conf"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({**VOICE, **SPEECH, **PLAYED}))
    one = conversation(folder, name, hub, environment="voice", PYTHONPATH=str(HERE / "stand_ins"), **options)
    one.set_identity(hub, hub.clients[0])
    return one


def program(folder: Path, name: str, hub: Server, **options: Any) -> Program:
    """A conversation of a program that finds its credentials where users put them."""
    folder.mkdir(parents=True, exist_ok=True)
    one = conversation(folder, name, hub, **options)
    one.set_identity(hub, hub.clients[0])
    return one


def ovos(folder: Path, name: str, hub: Server) -> Program:
    """A conversation of OVOS' services: what they play is copied, and a messagebus of theirs has a port of its own."""
    port = free_port()
    config = folder / "config" / "mycroft" / "mycroft.conf"
    config.parent.mkdir(parents=True)
    websocket = {"host": "127.0.0.1", "port": port, "route": "/core", "ssl": False}
    config.write_text(json.dumps({**PLAYED, "websocket": websocket}))
    environ = {"environment": "ovos", "PYTHONPATH": str(HERE / "stand_ins"), "MESSAGEBUS_PORT": str(port)}
    return conversation(folder, name, hub, "ovos_conversations.py", **environ)


def conversation(folder: Path, name: str, hub: Server, script: str = "conversations.py", **options: Any) -> Program:
    """One of `script`, with this hub."""
    one = hub.clients[0]
    where = (f"ws://{hub.host}", str(hub.port), one.key, one.password or "")
    return Program(folder, str(HERE / script), name, *where, **options)
