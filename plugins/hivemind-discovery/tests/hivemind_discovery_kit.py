"""Hubs that are announced without a network."""

from __future__ import annotations

import threading

from hivemind_discovery import DiscoveryOptions, resolver, scan
from hivemind_discovery.found import FoundHub
from hivemind_sdk.settings import Endpoint


def hub(name, scheme="ws", host="192.0.2.1", port=5678, by="mdns"):
    return FoundHub(name, Endpoint(scheme, host, port), by)


class Air:
    """Takes the place of both ways of looking: what is announced here is found by whoever looks."""

    def __init__(self, monkeypatch):
        self._lock = threading.Lock()
        self._there, self._listening = [], []
        monkeypatch.setattr(scan, "MdnsBrowser", self._browser)
        monkeypatch.setattr(scan.ssdp, "search", lambda found, seconds, stop: stop.wait(seconds))

    def announce(self, *hubs):
        with self._lock:
            self._there += hubs
            listening = list(self._listening)
        for browser in listening:
            for one in hubs:
                browser.found(one)

    def silence(self, *, goodbye=True):
        """All are gone."""
        with self._lock:
            gone, self._there = self._there, []
            listening = list(self._listening)
        for browser in listening if goodbye else []:
            for one in gone:
                browser.gone(one)

    def watching(self):
        return len(self._listening)

    def _browser(self, found, gone):
        browser = _Browser(self, found, gone)
        with self._lock:
            self._listening.append(browser)
            there = list(self._there)
        threading.Thread(target=lambda: [found(one) for one in there], daemon=True).start()
        return browser

    def left(self, browser):
        with self._lock:
            self._listening.remove(browser)


class _Browser:
    def __init__(self, air, found, gone):
        self._air, self.found, self.gone = air, found, gone

    def close(self):
        self._air.left(self)


def discovery(settle=0.2):
    return resolver.Discovery(DiscoveryOptions(settle=settle))
