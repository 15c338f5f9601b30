"""What the tests of `hivemind-client run` share: a file, and the process that runs it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent
from typing import Any

from cli_kit import KEY, LIMIT, PASSWORD, PROGRAM


def write(folder: Path, hub, text: str = "", top: str = "") -> Path:
    """A file for a satellite of this hub, whose secrets are in files beside it. `top`: keys before all tables."""
    for name, secret in (("key", KEY), ("password", PASSWORD)):
        (folder / name).write_text(f"{secret}\n")
        (folder / name).chmod(0o600)
    path = folder / "satellite.toml"
    path.write_text(
        f"{dedent(top)}\n"
        f'[hub]\nhost = "ws://127.0.0.1"\nport = {hub.port}\nkey_file = "key"\npassword_file = "password"\n'
        f"{dedent(text)}"
    )
    return path


class Running:
    """`hivemind-client run FILE` as a process; killed at the end. `told` grows with its lines on stderr."""

    def __init__(self, path: Path, **env: str) -> None:
        self._process = subprocess.Popen(
            [*PROGRAM, "run", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
        )
        self.told: list[str] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def until(self, text: str, times: int = 1, *, after: str = "") -> None:
        """Wait until so many lines of the log have this in them, counted from the first that has `after` in it."""

        def seen() -> bool:
            first = next((at for at, line in enumerate(self.told) if after in line), len(self.told))
            return sum(text in line for line in self.told[first:]) >= times

        with self._changed:
            assert self._changed.wait_for(seen, LIMIT), self.told

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def stop(self) -> int:
        """SIGTERM. -> exit code"""
        self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        code = self._process.wait(LIMIT)
        self._thread.join(LIMIT)
        return code

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join(LIMIT)
        self._process.stdout.close()
        self._process.stderr.close()

    def _read(self) -> None:
        for line in self._process.stderr:
            with self._changed:
                self.told.append(line)
                self._changed.notify_all()


class Reports:
    """A socket on which programs tell that they were run. `command`: one that tells arguments, stdin and variables."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "reports"))
        self._socket.settimeout(LIMIT)
        script = folder / "tell.py"
        script.write_text(_TELL.format(address=str(folder / "reports")))
        self.command = [sys.executable, str(script)]

    def next(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._socket.recv(1 << 16))
        return found

    def close(self) -> None:
        self._socket.close()


_TELL = """
import json, os, socket, sys
told = {{"arguments": sys.argv[1:], "stdin": sys.stdin.read(), "env": sorted(os.environ), "pid": os.getpid()}}
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.sendto(json.dumps(told).encode(), {address!r})
if "wait" in sys.argv:
    import signal
    signal.pause()
"""
