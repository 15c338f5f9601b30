"""A node's state that lives and dies with the process."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Any


class MemoryState:
    """contracts.NodeState in two dicts, for tests, demos and satellites that shall leave no trace."""

    def __init__(self, **fields: Any) -> None:
        self._lock = threading.RLock()
        self.fields: dict[str, Any] = dict(fields)
        self.secrets: dict[str, str] = {}
        """name -> text"""

    def exclusive(self) -> AbstractContextManager[object]:
        return self._lock

    def read(self, key: str) -> Any:
        return self.fields.get(key)

    def write(self, key: str, value: Any) -> None:
        with self._lock:
            if value is None:
                self.fields.pop(key, None)
            else:
                self.fields[key] = value

    def read_secret(self, name: str) -> str | None:
        return self.secrets.get(name)

    def write_secret(self, name: str, text: str | None) -> None:
        with self._lock:
            if text is None:
                self.secrets.pop(name, None)
            else:
                self.secrets[name] = text
