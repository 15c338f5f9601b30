"""[delivery]: what becomes of messages that can't be sent at once."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from ...delivery import Drop, Key, Latest, Policy, Queue, Raise
from ...errors import SettingsError
from ...messages import HiveMessageType, HiveMindBinaryPayloadType
from .document import Place
from .reading import Reader
from .schema import POLICY
from .taking import Wrong, example, near, taken

_BUILDS: Mapping[str, tuple[type[Any], tuple[str, ...]]] = {
    "raise": (Raise, ()),
    "drop": (Drop, ()),
    "queue": (Queue, ("ttl", "durable")),
    "latest": (Latest, ("ttl", "key")),
}
"""policy -> its class, and its keys"""
_KINDS: Mapping[str, type[Enum]] = {"hive": HiveMessageType, "binary": HiveMindBinaryPayloadType}
"""prefixes of keys that are no bus types: `hive:PROPAGATE`, `binary:RAW_AUDIO`"""


def read(reader: Reader, table: Mapping[str, Any]) -> dict[Key, Policy]:
    """Whatever is wrong is noted, and left out."""
    found: dict[Key, Policy] = {}
    for name, value in table.items():
        place: Place = ("delivery", name)
        try:
            found[_key(name)] = _policy(reader, value, place)
        except Wrong as wrong:
            reader.wrong(place, wrong.text, wrong.remedy)
        except SettingsError as error:
            reader.wrong(place, str(error), error.hint)
    return found


def check_without_file(reader: Reader, table: Mapping[str, Any]) -> None:
    """Note each policy that keeps messages over a restart: no file is named for them."""
    for name, value in table.items():
        if isinstance(value, Mapping) and value.get("durable") is True:
            reader.wrong(
                ("delivery", name, "durable"), "needs a file for messages", 'write durable = "FILE" above all tables'
            )


def _key(name: str) -> Key:
    prefix, colon, rest = name.partition(":")
    if not colon or prefix not in _KINDS:
        return name
    kind = _KINDS[prefix]
    if rest.upper() not in kind.__members__:
        raise Wrong(f"names no {prefix} type", near(rest.upper(), kind.__members__))
    member: Any = kind[rest.upper()]
    found: Key = member
    return found


def _policy(reader: Reader, value: Any, place: Place) -> Policy:
    given = {"policy": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping) or "policy" not in given:
        raise Wrong("has no policy", f'write {{ policy = "queue", ttl = 60 }}; policies are {", ".join(_BUILDS)}')
    if given["policy"] not in _BUILDS:
        raise Wrong(f"has the policy {str(given['policy'])[:40]!r}", near(str(given["policy"]), _BUILDS))
    build, keys = _BUILDS[given["policy"]]
    for name in given:
        if name not in (*keys, "policy"):
            reader.wrong((*place, name), f"is not known in {given['policy']}", near(name, (*keys, "policy")))
    if "ttl" in keys and "ttl" not in given:
        raise Wrong("has no ttl", f"add ttl = {example(POLICY['ttl'])}, in seconds; inf: no limit")
    values = {name: taken(name, given[name], POLICY[name]) for name in keys if name in given}
    policy: Policy = build(**values)
    return policy
