"""The newest reference client, running beside ours, as an object."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from interop.servers import HERE, Client, Server, ServerFailed, _environment, interpreter


class ReferenceClient:
    """Started with `with`; `do` a command, `wait_for` what it tells."""

    def __init__(self, hub: Server, client: Client, folder: Path) -> None:
        self._arguments = [hub.host, str(hub.port), client.key, client.password or ""]
        self._folder = folder
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()

    def __enter__(self) -> ReferenceClient:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._log = (self._folder / "client.log").open("w")
        self._process = subprocess.Popen(
            [str(interpreter("client-1.2.12a1")), str(HERE / "reference_client.py"), *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=self._folder,
            env=_environment(self._folder),
        )
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(10)
        for stream in (self._process.stdin, self._process.stdout, self._log):
            stream.close()

    def do(self, what: str, **more: Any) -> None:
        self._process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self._process.stdin.flush()

    def wait_for(self, key: str, timeout: float = 30) -> Any:
        """The next thing that it tells under this key."""
        while True:
            try:
                told = self._told.get(timeout=timeout)
            except queue.Empty:
                log = (self._folder / "client.log").read_text(errors="replace")[-3000:]
                raise ServerFailed(f"the reference client did not tell {key!r}\n{log}") from None
            if key in told:
                return told[key]

    def hear(self, msg_type: str, timeout: float = 30) -> Any:
        """The next bus message of this type that it hears."""
        while True:
            message = self.wait_for("heard", timeout)
            if message["type"] == msg_type:
                return message

    def _read(self) -> None:
        for line in self._process.stdout:
            if line.startswith("@"):
                self._told.put(json.loads(line[1:]))
