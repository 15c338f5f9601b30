"""Both ways of looking for hubs at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from . import ssdp
from .found import FoundHub
from .mdns import MdnsBrowser

SEARCH_EVERY = 5.0
"""seconds: who answers to SSDP never announces itself, and is found by asking alone"""


class Scan:
    """Looks for hubs until `close`. `found`: called for each hub, and again when it comes back after its goodbye; from
    any thread.
    """

    def __init__(self, found: Callable[[FoundHub], object] | None = None) -> None:
        """Raises Unreachable where the network can't be searched at all."""
        self._tell = found
        self._changed = threading.Condition()
        self._hubs: dict[str, FoundHub] = {}
        self._over = threading.Event()
        self._browser = MdnsBrowser(self._found, self._gone)
        self._searching = threading.Thread(target=self._search, name="hivemind-discovery", daemon=True)
        self._searching.start()

    def wait(self, seconds: float, until: Callable[[list[FoundHub]], object] | None = None) -> list[FoundHub]:
        """-> what was found, after so many seconds, or as soon as `until` says so of it"""
        with self._changed:
            self._changed.wait_for(
                lambda: self._over.is_set() or (until is not None and until(list(self._hubs.values()))), seconds
            )
            return list(self._hubs.values())

    def __enter__(self) -> Scan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._over.set()
        with self._changed:
            self._changed.notify_all()
        self._browser.close()
        self._searching.join(2 * SEARCH_EVERY)

    def _search(self) -> None:
        while not self._over.is_set():
            with suppress(OSError):
                ssdp.search(self._found, SEARCH_EVERY, self._over)

    def _found(self, hub: FoundHub) -> None:
        with self._changed:
            known = str(hub.endpoint) in self._hubs
            self._hubs.setdefault(str(hub.endpoint), hub)
            self._changed.notify_all()
        if self._tell is not None and not known and not self._over.is_set():
            self._tell(hub)

    def _gone(self, hub: FoundHub) -> None:
        with self._changed:
            self._hubs.pop(str(hub.endpoint), None)


def look(seconds: float) -> list[FoundHub]:
    """All hubs that are found in so many seconds. Raises Unreachable."""
    with Scan() as scan:
        return scan.wait(seconds)
