"""What the tests of the command line share: running it in this process, in one of its own, and on a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from typing import Any, NamedTuple

from click.testing import CliRunner
from ports import free_port

from hivemind_sdk.cli.app import client
from hivemind_sdk.testing import Hub, HubClient

KEY, PASSWORD = "kitchen-key", "correct-horse-battery-9"
PROGRAM = (sys.executable, "-m", "hivemind_sdk")
_ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
LIMIT = 40.0
"""seconds after which a program has hung"""


class Done(NamedTuple):
    """What became of a run."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The only line of stdout."""
        (line,) = self.out.splitlines()
        return json.loads(line)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def run(*arguments: str, stdin: str | None = None) -> Done:
    """`hivemind-client ARGUMENTS`, in this process."""
    try:
        runner = CliRunner(mix_stderr=False)  # click 8.1
    except TypeError:
        runner = CliRunner()
    done = runner.invoke(client, arguments, input=stdin, prog_name="hivemind-client")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def program(*arguments: str, stdin: str = "", **env: str) -> Done:
    """The same, as a process."""
    done = subprocess.run(
        [*PROGRAM, *arguments], input=stdin, capture_output=True, text=True, timeout=LIMIT, env={**os.environ, **env}
    )
    return Done(done.returncode, done.stdout, done.stderr)


class Terminal:
    """The same, on a terminal of its own, that a person types at. A context manager."""

    def __init__(self, *arguments: str, **env: str) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ON_TERMINAL, *PROGRAM, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", **env},
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def until(self, text: str) -> str:
        """Everything that was shown, once this is among it."""
        deadline = time.monotonic() + LIMIT
        while text not in self.shown:
            assert self._read(deadline - time.monotonic()), f"no {text!r} in {self.shown!r}"
        return self.shown

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def interrupt(self) -> int:
        """Ctrl-C, once. -> exit code"""
        self.type("\x03")
        return self.end()

    def end(self) -> int:
        """The exit code; `shown` is then complete."""
        deadline = time.monotonic() + LIMIT
        while self._read(deadline - time.monotonic()):
            pass
        return self._process.wait(LIMIT)

    def _read(self, timeout: float) -> bool:
        """-> whether there was something"""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, timeout))
        try:
            data = os.read(self._ours, 65536) if ready else b""
        except OSError:  # the other end is closed
            data = b""
        self.shown += data.decode()
        return bool(data)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


def make_hub(profile: str = "4.6.1a1", port: int = 0, **options: Any) -> Hub:
    """A hub that listens on loopback and knows one satellite."""
    rights = {name: options.pop(name) for name in ("can_escalate", "can_propagate", "allowed_types") if name in options}
    hub = Hub([HubClient(KEY, PASSWORD, name="kitchen", **rights)], profile, **options)
    return hub.start(port=port or free_port())


def identify(monkeypatch: Any, hub: Hub) -> None:
    """Say by the environment which hub, and who we are."""
    for name, value in (("KEY", KEY), ("PASSWORD", PASSWORD), ("HOST", "ws://127.0.0.1"), ("PORT", str(hub.port))):
        monkeypatch.setenv(f"HIVEMIND_{name}", value)
