"""What was found on the network. Anybody there can announce anything: each value is checked, each text cleaned."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from hivemind_sdk.settings import Endpoint

LONGEST_NAME = 64
"""characters of a name that are kept"""
IN_CLEAR = "over ws:// the access key travels in clear, for whoever is on the way, or only says to be the hub"
SERVICE = "HiveMind-websocket"
"""the type that hivemind-presence announces, whatever the hub listens for"""


@dataclass(frozen=True, slots=True)
class FoundHub:
    """One hub that announces itself. `name` is free text that anybody can claim; `by`: `mdns` or `ssdp`."""

    name: str
    endpoint: Endpoint
    by: str

    @classmethod
    def read(cls, fields: Mapping[str, str | None], by: str) -> FoundHub | None:
        """From the texts `name`, `host`, `port` and `ssl`; None where they are no hub that can be dialled."""
        host, port = _address(fields.get("host")), _port(fields.get("port"))
        if not host or not port:
            return None
        scheme = "wss" if fields.get("ssl") == "True" else "ws"
        return cls(clean(fields.get("name") or ""), Endpoint(scheme, host, port), by)


def clean(text: str) -> str:
    """One short line without control characters, nor such as turn the direction of what follows."""
    words = "".join(char if char.isprintable() else " " for char in text[: 4 * LONGEST_NAME]).split()
    return " ".join(words)[:LONGEST_NAME]


def _address(text: str | None) -> str:
    """An IP address of one machine; a name would send the access key wherever a name server says."""
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return ""
    return "" if address.is_multicast or address.is_unspecified or address.is_reserved else str(address)


def _port(text: str | None) -> int:
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 5):
        return 0
    return int(text) if 0 < int(text) < 65536 else 0
