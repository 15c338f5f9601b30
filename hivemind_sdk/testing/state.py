"""A node's state that lives and dies with the process."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Any


class MemoryState:
    """contracts.NodeState in two dicts, for tests, demos and satellites that shall leave no trace."""

    def __init__(self, **fields: Any) -> None:
        self._lock = threading.RLock()
        self._fields: dict[str, Any] = dict(fields)
        self._secrets: dict[str, str] = {}

    def exclusive(self) -> AbstractContextManager[object]:
        return self._lock

    def read(self, key: str) -> Any:
        return self._fields.get(key)

    def write(self, key: str, value: Any) -> None:
        with self._lock:
            if value is None:
                self._fields.pop(key, None)
            else:
                self._fields[key] = value

    def read_secret(self, name: str) -> str | None:
        return self._secrets.get(name)

    def write_secret(self, name: str, text: str | None) -> None:
        with self._lock:
            if text is None:
                self._secrets.pop(name, None)
            else:
                self._secrets[name] = text
