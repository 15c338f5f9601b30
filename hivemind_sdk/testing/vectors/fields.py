"""An object of a vector file that remembers which of its values were looked at, so that none can be overlooked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hivemind_sdk.messages import JSONObject


class CaseProblem(Exception):
    """A case can't be run as it stands: a value is missing or can't be used. The text says which."""


class Fields:
    """A JSON object read key by key. `unread()` names what nobody asked for."""

    def __init__(self, value: Any, path: str = "") -> None:
        if not isinstance(value, dict):
            raise CaseProblem(f"{path or 'the case'} is not an object")
        self._value: JSONObject = value
        self._path = path
        self._read: set[str] = set()
        self._parts: dict[str, list[Fields]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def take(self, key: str) -> Any:
        """The value, whole: input or asserted as it stands. Raises CaseProblem where it is missing."""
        if key not in self._value:
            raise CaseProblem(f"misses {self.name(key)}")
        self._read.add(key)
        return self._value[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self.take(key) if key in self._value else default

    def text(self, key: str) -> str:
        value = self.take(key)
        if not isinstance(value, str):
            raise CaseProblem(f"{self.name(key)} is not text")
        return value

    def flag(self, key: str) -> bool:
        value = self.take(key)
        if not isinstance(value, bool):
            raise CaseProblem(f"{self.name(key)} is neither true nor false")
        return value

    def hex(self, key: str) -> bytes:
        """Bytes from lower-case hex digits."""
        return unhex(self.take(key), self.name(key))

    def part(self, key: str) -> Fields:
        """The object under this key, watched in its turn."""
        return self._watch(key, [self.take(key)])[0]

    def parts(self, key: str) -> list[Fields]:
        """The objects of the list under this key, each watched in its turn."""
        values = self.take(key)
        if not isinstance(values, list):
            raise CaseProblem(f"{self.name(key)} is not a list")
        return self._watch(key, values)

    def unread(self) -> Iterator[str]:
        """The paths of values that were never asked for."""
        for key in self._value:
            if key not in self._read:
                yield self.name(key)
            for part in self._parts.get(key, ()):
                yield from part.unread()

    def name(self, key: str) -> str:
        """How the value under this key is called in a difference."""
        return f"{self._path}.{key}" if self._path else key

    def _watch(self, key: str, values: list[Any]) -> list[Fields]:
        if key not in self._parts:
            many = isinstance(self._value[key], list)
            self._parts[key] = [
                Fields(value, self.name(key) + (f"[{index}]" if many else "")) for index, value in enumerate(values)
            ]
        return self._parts[key]


def canonical(value: Any) -> str:
    """Text that is equal for equal JSON values only: 1, 1.0 and true are three values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def unhex(value: Any, name: str) -> bytes:
    """Bytes from lower-case hex digits, which is how vectors write them. Raises CaseProblem."""
    try:
        data = bytes.fromhex(value)
    except (TypeError, ValueError):
        raise CaseProblem(f"{name} is not hex text") from None
    if data.hex() != value:
        raise CaseProblem(f"{name} is not plain lower-case hex")
    return data
