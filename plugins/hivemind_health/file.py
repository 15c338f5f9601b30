"""The health file: the state of the link as JSON, written anew every few seconds for as long as the process runs.

    {"state": "READY", "hub": "ws://hub:5678", "cause": "", "hint": "", "pid": 7}

That it is fresh shows that the process runs; what it says, that the link is there. A satellite that is closed removes
it.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hivemind_sdk.contracts.observations import StateChanged
from hivemind_sdk.contracts.status import Status
from hivemind_sdk.identity import user_path

log = logging.getLogger(__name__)
_PATIENCE = 1.0
"""seconds that closing waits for a disk"""


class HealthFile:
    """An observer. Its thread exists from the first state on, where there is a file to write."""

    def __init__(self, file: str | None, every: float) -> None:
        self._path = user_path(file, "health file") if file else None
        self._every = every
        self._event: threading.Event | None = None
        self._status: Status | None = None
        self._closed = self._complained = False
        self._thread: threading.Thread | None = None

    @property
    def _changed(self) -> threading.Event:
        """Made when it is first needed: most satellites write no file."""
        if self._event is None:
            self._event = threading.Event()
        return self._event

    def observe(self, event: Any) -> None:
        if self._path is None or not isinstance(event, StateChanged) or self._closed:
            return
        self._status = event.after
        self._changed.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(self._path,), name="hivemind-health", daemon=True)
            self._thread.start()

    def hearer(self, kind: type) -> Callable[[Any], None] | None:
        return self.observe if kind is StateChanged and self._path is not None else None

    def close(self) -> None:
        self._closed = True
        thread = self._thread
        if thread is None:
            return
        self._changed.set()
        if thread is not threading.current_thread():
            thread.join(_PATIENCE)

    def _run(self, path: Path) -> None:
        while not self._closed:
            self._changed.clear()
            self._guarded(lambda: self._write(path))
            self._changed.wait(self._every)
        self._guarded(lambda: path.unlink(missing_ok=True))

    def _write(self, path: Path) -> None:
        status = self._status
        if status is None:
            return
        content = {
            "state": status.state.value,
            "hub": status.hub,
            "cause": str(status.cause or ""),
            "hint": status.hint,
            "pid": os.getpid(),
        }
        fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(6).hex()}")
        try:
            with fresh.open("x", encoding="utf-8") as file:  # never through a link that somebody has put there
                file.write(json.dumps(content))
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except OSError as error:  # a full disk, no such folder: said once, and the link goes on
            if not self._complained:
                self._complained = True
                log.error("the health file can't be written: %s: %s", error.strerror, self._path)  # noqa: TRY400
