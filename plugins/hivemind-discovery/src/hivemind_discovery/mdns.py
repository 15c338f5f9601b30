"""Hubs that announce themselves by mDNS (DNS-SD): a web service with the type of a hub among its properties."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from zeroconf import Error, ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf

from hivemind_sdk.errors import Unreachable

from .found import SERVICE, FoundHub

log = logging.getLogger(__name__)

SERVICES = "_http._tcp.local."
"""hivemind-presence announces a hub as a web server, beside printers and the like"""
_ANSWER_WITHIN = 1000
"""milliseconds for a service whose properties did not come with its name"""
_MOST_ASKED = 16
"""services that are asked for their properties at the same time"""


class MdnsBrowser:
    """Calls `found` for each hub that announces itself and `gone` for each that says goodbye, until `close`.

    From threads of its own.
    """

    def __init__(self, found: Callable[[FoundHub], object], gone: Callable[[FoundHub], object]) -> None:
        """Raises Unreachable where there is no network to listen on."""
        self._found, self._gone = found, gone
        self._hubs: dict[str, FoundHub] = {}
        """by the name of the service"""
        self._asking = threading.Semaphore(_MOST_ASKED)
        try:
            self._zeroconf = Zeroconf()
            self._browser = ServiceBrowser(self._zeroconf, SERVICES, handlers=[self._changed])
        except (OSError, Error) as error:
            raise Unreachable(
                f"the network can't be searched by mDNS: {error}", hint="is there a network, and UDP port 5353 allowed?"
            ) from None

    def close(self) -> None:
        self._zeroconf.close()

    def _changed(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        """On the browser's thread. The parameters' names are zeroconf's."""
        if state_change is ServiceStateChange.Removed:
            if (hub := self._hubs.pop(name, None)) is not None:
                self._gone(hub)
            return
        info = ServiceInfo(service_type, name)
        if info.load_from_cache(zeroconf):
            self._look_at(info)
        elif self._asking.acquire(blocking=False):
            threading.Thread(target=self._ask, args=(zeroconf, info), name="hivemind-mdns", daemon=True).start()

    def _ask(self, zeroconf: Zeroconf, info: ServiceInfo) -> None:
        """On a thread of its own: a printer that does not answer delays no hub."""
        try:
            if info.request(zeroconf, _ANSWER_WITHIN):
                self._look_at(info)
        except (OSError, Error) as error:
            log.debug("a service could not be asked: %s", error)
        finally:
            self._asking.release()

    def _look_at(self, info: ServiceInfo) -> None:
        fields = info.decoded_properties
        if fields.get("type") == SERVICE and (hub := FoundHub.read(fields, "mdns")) is not None:
            self._hubs[info.name] = hub
            self._found(hub)
