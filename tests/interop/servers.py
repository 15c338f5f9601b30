"""Real hivemind-core servers for tests: a virtual environment for each pinned version, and a running one as an object.

    with Server("4.0.0", clients=[Client("sat")]) as hub:
        ... connect to hub.host, hub.port with hub.clients[0].key and .password ...
        hub.wait_for("hello")

Virtual environments are made on first use in `.interop/` (HIVEMIND_INTEROP_CACHE says where else), from the freezes in
`requirements/`. HIVEMIND_INTEROP_VENVS names a folder of ready-made ones, as `hivemind-core-4.0.0/`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ports import free_port

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NETWORKS = {"http": "hivemind-http-0.0.20a2", "mqtt": "hivemind-mqtt-0.2.5a2"}
"""the environments of a hivemind-core 5.3.10a1 that listens for HTTP requests, or to a broker"""
SPEECH = "hivemind-audio-binary-protocol-2.2.2a1"
"""that of a hivemind-core 5.3.10a1 that hears and speaks"""
VERSIONS = tuple(sorted(path.stem.removeprefix("hivemind-core-") for path in HERE.glob("requirements/hivemind-core-*")))
PYTHONS = ("3.11", "3.12")
"""which the freezes were made for: some of what they pin has no wheels before, some of it no longer works after"""

JSON = dict[str, Any]
PASSWORD = "correct-horse-battery-9"  # 4.15 and newer refuse weak ones
ALLOWED = ("recognizer_loop:utterance", "ovos.utterance.handle", "speak", "speak:synth", "recognizer_loop:b64_audio")


class ServerFailed(Exception):
    """The server did not do what it must. Never a reason to skip."""


@dataclass(frozen=True)
class Client:
    """A satellite that the server knows. `grants`: `can_propagate` and such."""

    name: str = "sat"
    key: str = "k" * 32
    password: str | None = PASSWORD
    crypto_key: str | None = None
    admin: bool = False
    allowed_types: tuple[str, ...] = ALLOWED
    grants: dict[str, bool] = field(default_factory=dict)

    def as_json(self) -> JSON:
        fields = asdict(self)
        return fields.pop("grants") | fields


# --- virtual environments ---------------------------------------------------------------------------------------


def interpreter(name: str) -> Path:
    """The Python of the virtual environment of `requirements/NAME.txt`, which is made if need be."""
    if ready_made := os.environ.get("HIVEMIND_INTEROP_VENVS"):
        return Path(ready_made) / name / "bin" / "python"
    cache = Path(os.environ.get("HIVEMIND_INTEROP_CACHE") or ROOT / ".interop")
    requirements = HERE / "requirements" / f"{name}.txt"
    made_from = hashlib.sha256(requirements.read_bytes()).hexdigest()
    folder = cache / name
    stamp = folder / "made-from"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != made_from:
            shutil.rmtree(folder, ignore_errors=True)
            _run(_base_python(), "-m", "venv", str(folder))
            pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
            _run(str(folder / "bin" / "python"), *pip, "-r", str(requirements), "setuptools<81")
            stamp.write_text(made_from)
    return folder / "bin" / "python"


def _base_python() -> str:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path("~").expanduser() / ".pyenv")
    for wanted in PYTHONS:
        kept = sorted(str(path) for path in pyenv.glob(f"versions/{wanted}.*/bin/python3"))
        for candidate in (sys._base_executable, f"python{wanted}", *kept):
            if _version(candidate) == wanted:
                return candidate
    raise ServerFailed(f"the servers need one of Python {', '.join(PYTHONS)}, and none was found on PATH or in pyenv")


def _version(python: str) -> str:
    ask = [python, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(ask, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900)
    if done.returncode:
        raise ServerFailed(f"{' '.join(command)}\n{done.stdout}")


# --- a running server -------------------------------------------------------------------------------------------


class Server:
    """One running hivemind-core. `settings` are keys of its server.json: `binarize`, `allowed_ciphers`, ...

    With network="mqtt", `port` is the broker's, and `listen` has more keys for its plugin: `topic_prefix`, ...
    """

    def __init__(
        self,
        version: str,
        folder: Path,
        *,
        clients: tuple[Client, ...] = (Client(),),
        port: int = 0,
        network: str = "websocket",
        host: str = "127.0.0.1",
        within: tuple[str, ...] = (),
        environment: str = "",
        **settings: Any,
    ) -> None:
        """`within`: a command that runs the one behind it elsewhere, such as in a network namespace.

        `environment`: the name of its requirements, where these are not the version's own.
        """
        self.version = version
        self.host = host
        self._within = within
        self.clients = clients
        self.port = port or free_port()
        self.public_key = ""
        self._environment = environment or NETWORKS.get(network, f"hivemind-core-{version}")
        if settings.get("speech"):
            self._environment = SPEECH
        settings["network"] = network
        self.events: list[JSON] = []
        self._folder = folder
        self._settings = settings
        self._arrived = threading.Condition()
        self._ended = False

    def __enter__(self) -> Server:
        python = interpreter(self._environment)
        self._folder.mkdir(parents=True, exist_ok=True)
        told, tells = os.pipe()
        wanted = {"host": self.host, "port": self.port, "clients": [c.as_json() for c in self.clients]} | self._settings
        with (self._folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*self._within, str(python), str(HERE / "serve.py"), str(tells), json.dumps(wanted)],
                cwd=self._folder,
                env=_environment(self._folder),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[tells],
            )
        os.close(tells)
        self._reader = threading.Thread(target=self._read, args=(told,), name=f"events of {self.version}", daemon=True)
        self._reader.start()
        try:
            ready = self.wait_for("ready", timeout=60)
        except BaseException:
            self.__exit__()
            raise
        self.public_key = ready["public_key"]
        if ready["version"] != self.version:
            raise ServerFailed(f"{python} runs hivemind-core {ready['version']}, not {self.version}")
        print(f"\nhivemind-core {self.version} on {self.host}:{self.port}")
        return self

    def __exit__(self, *_: object) -> None:
        """The server ends when its stdin does."""
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._reader.join(10)

    def kill(self) -> None:
        """End it as a crash would. Another Server with the same folder and port is the same one, restarted."""
        self._process.kill()
        self.__exit__()

    @contextmanager
    def stopped(self, seconds: float) -> Iterator[None]:
        """It reads and answers nothing for so long, as on a machine with too much to do; then it goes on."""
        self._process.send_signal(signal.SIGSTOP)
        timer = threading.Timer(seconds, self._process.send_signal, [signal.SIGCONT])
        timer.start()
        try:
            yield
        finally:
            timer.join()

    def wait_for(self, event: str, timeout: float = 10, **fields: Any) -> JSON:
        """The first event of this name with these fields, once it is there. ServerFailed has the server's log."""

        def found() -> JSON | None:
            wanted = {"event": event, **fields}
            return next((told for told in self.events if wanted.items() <= told.items()), None)

        return self._wait(found, timeout, f"{event} {fields or ''}")

    def wait_for_nth(self, event: str, count: int, timeout: float = 10) -> None:
        """Until this event has been told `count` times."""

        def found() -> JSON | None:
            told = [one for one in self.events if one["event"] == event]
            return told[count - 1] if len(told) >= count else None

        self._wait(found, timeout, f"{event}, {count} times")

    def _wait(self, found: Callable[[], JSON | None], timeout: float, what: str) -> JSON:
        end = time.monotonic() + timeout
        with self._arrived:
            while (event := found()) is None:
                if self._ended or not self._arrived.wait(end - time.monotonic()):
                    raise ServerFailed(f"hivemind-core {self.version} did not tell: {what}\n{self.log()}")
        if "cipher" in event:
            print(
                f"hivemind-core {self.version} negotiated:",
                {k: v for k, v in event.items() if k not in ("event", "peer")},
            )
        return event

    def order(self, line: str) -> None:
        """Have it do this now, see ORDERS in serve.py; its event `done` says when it has."""
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def admin(self, *arguments: str) -> str:
        """Run its own command line on its own files. -> what it printed"""
        program = interpreter(self._environment).parent / "hivemind-core"
        command = [str(program), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, cwd=self._folder, env=_environment(self._folder)
        )
        if done.returncode:
            raise ServerFailed(f"hivemind-core {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        return done.stdout

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self._folder

    def log(self, lines: int = 40) -> str:
        """The end of what the server printed."""
        text = (self._folder / "server.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor, encoding="utf-8") as told:
            for line in told:
                with self._arrived:
                    self.events.append(json.loads(line))
                    self._arrived.notify_all()
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()


def _environment(home: Path) -> dict[str, str]:
    """A home of the server's own, and nothing of ours."""
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "XDG_", "VIRTUAL_ENV"))
    }
    folders = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
    for folder in folders.values():
        Path(folder).mkdir(parents=True, exist_ok=True)
    for upstream in ("hivemind-core", "hivemind"):  # it writes there without making them
        (home / "config" / upstream).mkdir(exist_ok=True)
    return inherited | folders | {"HOME": str(home), "XDG_CONFIG_DIRS": str(home / "none")}
