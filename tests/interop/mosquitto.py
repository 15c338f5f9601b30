"""A real Mosquitto on loopback (Debian: `apt-get install mosquitto`)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from interop.servers import ServerFailed
from ports import free_port

PROGRAM = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


class Mosquitto:
    """One broker. `lines` are added to its configuration; it may be stopped and started again on its port."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, *lines: str, port: int = 0) -> None:
        self.port = port or free_port()
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        users = () if any("allow_anonymous" in line for line in lines) else ("allow_anonymous true",)
        head = (f"listener {self.port} {self.host}", *(("user root",) if os.geteuid() == 0 else ()))
        (folder / "mosquitto.conf").write_text("\n".join([*head, *users, *lines, ""]))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when it listens."""
        if PROGRAM is None:
            raise ServerFailed("these tests need the program `mosquitto`: apt-get install mosquitto")
        with (self.folder / "mosquitto.log").open("ab") as log:
            command = [PROGRAM, "-c", str(self.folder / "mosquitto.conf")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                return socket.create_connection((self.host, self.port), 0.2).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise ServerFailed(f"mosquitto does not listen\n{self.log()}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        """As a service manager would; kills it where that does not help."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)

    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text(errors="replace")
