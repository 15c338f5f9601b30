"""Changes of addresses and routes, as the kernel tells them (rtnetlink(7)). Linux; elsewhere there is no source."""

from __future__ import annotations

import socket
import struct
from errno import ENOBUFS as _OVERRUN

_LINK, _ADDRESS_4, _ROUTE_4, _ADDRESS_6, _ROUTE_6 = 0x1, 0x10, 0x40, 0x100, 0x400
_GROUPS = _LINK | _ADDRESS_4 | _ROUTE_4 | _ADDRESS_6 | _ROUTE_6
_ROUTE_PROTOCOL = 0
"""NETLINK_ROUTE"""
_HEAD = struct.Struct("=IHHII")
_NEW_LINK, _NEW_ADDRESS, _DELETED_ADDRESS, _NEW_ROUTE, _DELETED_ROUTE = 16, 20, 21, 24, 25
_SCOPE_HOST = 254
"""of an address that is reached from this machine alone"""
_LOCAL_TABLE = 255
"""of the routes that the kernel keeps to its own addresses"""
_RUNNING, _LOOPBACK = 0x40, 0x8
"""flags of an interface"""
MOST = 64 * 1024
"""bytes of one datagram"""


def open_source() -> socket.socket | None:
    """A socket that can be read when something has changed; None where there is none, or this process may have none."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        return None
    try:
        source = socket.socket(family, socket.SOCK_RAW, _ROUTE_PROTOCOL)
    except OSError:
        return None
    try:
        source.setblocking(False)
        source.bind((0, _GROUPS))
    except OSError:
        source.close()
        return None
    return source


def changed(source: socket.socket) -> bool:
    """Read all that is there. Returns whether it tells of a change that another machine may be reached by now.

    Raises OSError where the source has ended.
    """
    found = False
    while True:
        try:
            data = source.recv(MOST)
        except BlockingIOError:
            return found
        except OSError as error:
            if error.errno != _OVERRUN:
                raise
            found = True  # more has happened than the kernel kept
            continue
        if not data:
            raise ConnectionError("the source has ended")
        found = tells_change(data) or found


def tells_change(data: bytes) -> bool:
    """Whether one of these messages is about an address, a route or an interface through which others are reached."""
    at = 0
    while at + _HEAD.size <= len(data):
        length, kind, *_ = _HEAD.unpack_from(data, at)
        if length < _HEAD.size:
            return False
        if _concerns_others(kind, data[at + _HEAD.size : at + length]):
            return True
        at += (length + 3) & ~3
    return False


def _concerns_others(kind: int, body: bytes) -> bool:
    if kind in (_NEW_ADDRESS, _DELETED_ADDRESS):  # family, prefix length, flags, scope, index
        return len(body) >= 4 and body[3] != _SCOPE_HOST
    if kind in (_NEW_ROUTE, _DELETED_ROUTE):  # family, lengths (2), type of service, table, ...
        return len(body) >= 5 and body[4] != _LOCAL_TABLE
    if kind == _NEW_LINK and len(body) >= 12:  # family, padding, type (2), index (4), flags (4)
        (flags,) = struct.unpack_from("=I", body, 8)
        return bool(flags & _RUNNING) and not flags & _LOOPBACK
    return False
