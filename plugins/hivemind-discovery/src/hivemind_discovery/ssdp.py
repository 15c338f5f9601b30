"""Hubs that answer to an SSDP search (UPnP): where their description is, and what it says."""

from __future__ import annotations

import http.client
import logging
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import ifaddr

from .found import SERVICE, FoundHub

log = logging.getLogger(__name__)

GROUP = ("239.255.255.250", 1900)
SEARCH = (
    f'M-SEARCH * HTTP/1.1\r\nHOST: {GROUP[0]}:{GROUP[1]}\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: upnp:{SERVICE}\r\n\r\n'
).encode()
SERVICE_TYPE = f"urn:jarbasAi:HiveMind:service:{SERVICE}"
_AGAIN = 0.5
"""seconds until the second search of a scan: datagrams get lost"""
_LOOK_EVERY = 0.25
_DESCRIBED_WITHIN = 2.0
_MOST_ANSWERS = 64
"""answers to one scan of which the description is fetched"""
_LARGEST = 64 * 1024
"""bytes of a description"""


def search(found: Callable[[FoundHub], object], seconds: float, stop: threading.Event) -> None:
    """Ask twice on every interface, and call `found` for each hub that answers, for so many seconds.

    `found` is called on this thread or others. A network that can't be searched has no hubs.
    """
    end = time.monotonic() + seconds
    seen: set[str] = set()
    with ExitStack() as stack:
        sockets = [stack.enter_context(sock) for sock in _sockets()]
        asked = 0
        while sockets and not stop.is_set() and (left := end - time.monotonic()) > 0:
            if asked < 2 and time.monotonic() >= end - seconds + asked * _AGAIN:
                asked += 1
                for sock in sockets:
                    with suppress(OSError):
                        sock.sendto(SEARCH, GROUP)
            for sock in select.select(sockets, [], [], min(left, _LOOK_EVERY))[0]:
                for location in _answers(sock):
                    if location not in seen and len(seen) < _MOST_ANSWERS:
                        seen.add(location)
                        threading.Thread(
                            target=_describe, args=(location, found), name="hivemind-ssdp", daemon=True
                        ).start()


def _sockets() -> Iterator[socket.socket]:
    """One for each IPv4 address of this machine: a search leaves by one interface only."""
    for adapter in ifaddr.get_adapters():
        for address in adapter.ips:
            if address.is_IPv4 and isinstance(address.ip, str):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                try:
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address.ip))
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 2)
                    sock.bind((address.ip, 0))
                    sock.setblocking(False)
                except OSError as error:
                    log.debug("no SSDP on %s: %s", address.ip, error)
                    sock.close()
                else:
                    yield sock


def _answers(sock: socket.socket) -> Iterator[str]:
    """The locations that were answered, each on the machine that answered: nobody makes us ask another one."""
    with suppress(OSError):
        data, (sender, _) = sock.recvfrom(4096)
        head = data.decode("latin-1")
        location = re.search(r"^LOCATION:[ \t]*(\S{1,200})[ \t]*\r?$", head, re.IGNORECASE | re.MULTILINE)
        if head.startswith("HTTP/1.1 200") and location is not None and _host(location[1]) == sender:
            yield location[1]


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "http" and parts.port != 0
    except ValueError:
        return ""
    return (parts.hostname or "") if usable else ""


def _describe(location: str, found: Callable[[FoundHub], object]) -> None:
    try:
        hub = described(_fetched(location))
    except (OSError, http.client.HTTPException, ValueError) as error:
        log.debug("a description could not be read: %s", error)
    else:
        if hub is not None:
            found(hub)


def _fetched(location: str) -> bytes:
    parts = urlsplit(location)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=_DESCRIBED_WITHIN)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        return answer.read(_LARGEST) if answer.status == 200 else b""
    finally:
        connection.close()


def described(xml: bytes) -> FoundHub | None:
    """The hub of a device description; None where it describes none. Raises ValueError for what is no XML.

    hivemind-presence does not escape the name: a bare `&` is taken as it is meant. Nobody's description of a device
    has a document type, and its entities can be made to fill the memory.
    """
    if b"<!" in xml:
        return None
    try:
        device = ET.fromstring(re.sub(rb"&(?!#?\w{1,8};)", b"&amp;", xml)).find("{*}device")  # noqa: S314
    except ET.ParseError as error:
        raise ValueError(str(error)) from None
    if device is None or "HiveMind" not in (device.findtext("{*}modelName") or ""):
        return None
    for service in device.iterfind("{*}serviceList/{*}service"):
        if service.findtext("{*}serviceType") == SERVICE_TYPE:
            fields = {name: service.findtext(f"{{*}}{name}") for name in ("host", "port", "ssl")}
            return FoundHub.read(fields | {"name": device.findtext("{*}friendlyName")}, "ssdp")
    return None
