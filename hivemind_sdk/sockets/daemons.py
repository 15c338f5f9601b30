"""How all threads of the SDK are made: transports, and both shells, begin theirs here."""

from __future__ import annotations

import threading
from collections.abc import Callable


def daemon(name: str, work: Callable[[], object]) -> threading.Thread:
    """A thread `hivemind-NAME` for `work`, to be started. The process does not wait for it when it ends."""
    return threading.Thread(target=work, name=f"hivemind-{name}", daemon=True)
