"""Names in the hive: what a name says about its node, and how people can read it. All of it is hearsay."""

from __future__ import annotations

from ..messages.seen import MAX_NAME

MAX_TEXT = MAX_NAME
"""characters; no key, name or site that is meant seriously is longer"""

_LINE = 120
"""characters that a text for people may have"""
CONNECTION_MARKS = 3
"""`::` in `useragent::row::client name::session id`: how a hub names a connection (wire.md section 1)"""
_UNNAMED = "unnamed-node"
"""what every node calls itself that nobody has named (wire-v3.md section 6)"""


def is_key(name: str) -> bool:
    """Whether it is a public key (PEM): hubs of v3 are called so."""
    return name.startswith("-----BEGIN")


def is_connection(name: str) -> bool:
    """Whether this is a hub's name for a connection."""
    return name.count("::") >= CONNECTION_MARKS and not is_key(name)


def session_of(name: str) -> str | None:
    """The session id at the end of a name; None where there is none that tells nodes apart."""
    parts = name.split("::")
    if len(parts) < 2 or is_key(name):
        return None
    last = parts[-1]
    if len(parts) > CONNECTION_MARKS + 1 and _is_suffix(last):
        last = parts[-2]
    return last if last not in ("", "default") else None


def friendly(name: str, connection: str = "") -> str:
    """The part of a name that a person gave: its own, or that of the client as the hub (`connection`) knows it."""
    own = "" if is_key(name) else name.split("::")[-2 if is_connection(name) else 0]
    if own and own != _UNNAMED:
        return printable(own)
    if is_connection(connection):
        return printable("::".join(connection.split("::")[2:-1]))
    return f"{own} {(session_of(name) or '')[:4]}" if own else display_peer(name)


def display_peer(peer: str) -> str:
    """A name short enough for one line, safe to print: of a key, its fingerprint."""
    if len(peer) <= _LINE and peer.isprintable():
        return peer
    if is_key(peer):
        from hashlib import sha256

        return f"key:{sha256(peer.encode('utf-8', 'backslashreplace')).hexdigest()[:12]}"
    return printable(peer)


def printable(text: str, width: int = _LINE) -> str:
    """The text, cut to `width` characters, with `?` for what would move a cursor, turn the line round, or break XML."""
    if len(text) > width:
        text = text[: width - 1] + "…"
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() else "?" for mark in text)


def _is_suffix(part: str) -> bool:
    """Hubs put eight hex digits behind a name that is taken (wire-v3.md section 6)."""
    return len(part) == 8 and all(mark in "0123456789abcdef" for mark in part)
