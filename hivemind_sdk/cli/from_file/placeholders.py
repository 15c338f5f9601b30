"""`{utterance}` and `{session.site}` in the arguments of a command: what of a message stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME = re.compile(r"[\w-]+(\.[\w-]+)*")
_END_OF_OPTIONS = "--"


class Fault(NamedTuple):
    """What is wrong with the arguments."""

    text: str
    remedy: str
    warning: bool = False


class Unfilled(Exception):
    """This message does not fit the arguments; the text says why, and shows no value."""


def faults(arguments: Sequence[str]) -> Iterator[Fault]:
    """What can be said before any message comes: what is wrong, else what is a danger."""
    wrong = list(_wrong(arguments))
    yield from wrong
    if not wrong and any(_is_exposed(arguments, place) for place in range(1, len(arguments))):
        yield Fault(
            "has an argument that a message may turn into an option; such a message runs nothing",
            f'put "{_END_OF_OPTIONS}" before it, or write stdin = true',
            warning=True,
        )


def _wrong(arguments: Sequence[str]) -> Iterator[Fault]:
    for place, argument in enumerate(arguments):
        for part in _PART.finditer(argument):
            if part[0] in ("{", "}") or (part[1] is not None and not _NAME.fullmatch(part[1])):
                yield Fault(
                    f"has {part[0]!r} in {argument[:60]!r}", "a placeholder is {name}; a brace alone is {{ or }}"
                )
            elif part[1] is not None and place == 0:
                yield Fault(
                    "takes the program from a message", "name the program; what comes from outside is no program"
                )


def filled(arguments: Sequence[str], data: Mapping[str, Any]) -> list[str]:
    """Raises Unfilled."""
    return [_filled(one, data, exposed=_is_exposed(arguments, place)) for place, one in enumerate(arguments)]


def _is_exposed(arguments: Sequence[str], place: int) -> bool:
    """Whether what a message says stands where the program looks for options."""
    found = _PART.match(arguments[place])
    return found is not None and found[1] is not None and _END_OF_OPTIONS not in arguments[:place]


def _filled(argument: str, data: Mapping[str, Any], *, exposed: bool) -> str:
    text = _PART.sub(lambda part: part[0][0] if part[1] is None else _text(part[1], data), argument)
    if exposed and text.startswith("-"):
        raise Unfilled(f"what stands for {argument} begins with '-'")
    if "\0" in text:
        raise Unfilled(f"what stands for {argument} has a NUL in it")
    return text


def _text(name: str, data: Mapping[str, Any]) -> str:
    value: Any = data
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise Unfilled(f"the message has no {name}")
        value = value[part]
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
