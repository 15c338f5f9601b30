"""What there is a skeleton of: each kind of plugin, and a satellite; what each is for, and needs beside the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """`summary`: what the skeleton does, for people. `requires`: its dependencies, as pip writes them.

    `plugin`: the kind of its plugin, where that is not its own name; its files are in the skeleton, too.
    """

    summary: str
    requires: tuple[str, ...] = ()
    plugin: str = ""


KINDS: Mapping[str, Kind] = {
    "transport": Kind("Links to a hub as frames over TCP"),
    "cipher": Kind("AES-GCM by pycryptodome", ("pycryptodome>=3.22",)),
    "primitive": Kind("PBKDF2 by hashlib"),
    "handshake": Kind("A password handshake that signs all that was negotiated"),
    "handler": Kind("Answers a hub that says hello"),
    "identity": Kind("Identities in a folder of JSON files"),
    "observer": Kind("Counts the messages of a satellite"),
    "resolver": Kind("Finds hubs in a file of names"),
    "application": Kind("Prints what the assistant says"),
    "satellite": Kind("A satellite from one file, that prints what the assistant says", plugin="application"),
    "command": Kind("Says hello, and where this satellite stands", ("click>=8.1",)),
}
