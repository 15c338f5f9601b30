"""A TOML file as plain values, with the line of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import SettingsError
from ...settings.user_input import text_of

if TYPE_CHECKING:
    from tomlkit.container import Container
    from tomlkit.items import Item

Place = tuple[str | int, ...]
"""keys from the root; the number of an entry where there is a list of tables"""
_LARGEST = 1 << 20


@dataclass(frozen=True)
class Document:
    """`values`: nested dicts, lists, str, int, float, bool, dates. `lines`: 1 is the first."""

    path: Path
    values: Mapping[str, Any]
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """Where this stands; else where what it is a part of stands."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def load(path: Path) -> Document:
    """Raises SettingsError, which names the line where it is known."""
    try:
        if path.stat().st_size > _LARGEST:
            raise SettingsError(f"{path} is larger than {_LARGEST} bytes", hint="is this the right file?")
        text = text_of(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}", hint="give the file of a satellite") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8", hint="save it as UTF-8") from None
    return parse(text, path)


def parse(text: str, path: Path) -> Document:
    """Raises SettingsError, which names the line."""
    import tomlkit
    from tomlkit.exceptions import ParseError, TOMLKitError

    try:
        document = tomlkit.parse(text)
    except ParseError as error:
        fault = str(error).rpartition(" at line ")[0] or str(error)
        raise SettingsError(
            f"{path}:{error.line}: this is not TOML: {fault[:200]}", hint="texts have quotes, tables [brackets]"
        ) from None
    except (TOMLKitError, RecursionError) as error:
        raise SettingsError(f"{path}: this is not TOML: {str(error)[:200]}", hint="is a key given twice?") from None
    lines: dict[Place, int] = {}
    _number(document, (), 1, lines)
    return Document(path, document.unwrap(), lines)


def _number(container: Container, place: Place, line: int, lines: dict[Place, int]) -> int:
    """Note the line of each key in it. -> the line behind it. What it holds is in the order of the text."""
    for key, item in container.body:
        if key is None:
            line += item.as_string().count("\n")
        else:
            line = _number_item(item, (*place, key.key), line, lines, dotted=key.is_dotted())
    return line


def _number_item(item: Item, place: Place, line: int, lines: dict[Place, int], *, dotted: bool) -> int:
    from tomlkit.items import AoT, InlineTable, Table

    if isinstance(item, AoT):
        lines.setdefault(place, line)
        for table in item.body:
            line = _number_item(table, (*place, _next(lines, place)), line, lines, dotted=False)
        return line
    lines.setdefault(place, line)
    if isinstance(item, Table):
        headed = not (dotted or item.is_super_table())
        return _number(item.value, place, line + headed + _above(item), lines)
    if isinstance(item, InlineTable):
        for inner in _inside(item.value, place):
            lines.setdefault(inner, line)
    return line + item.as_string().count("\n") + item.trivia.trail.count("\n")


def _above(table: Any) -> int:
    """Empty lines that are kept as the indentation of a header."""
    return str(table.trivia.indent).count("\n")


def _next(lines: Mapping[Place, int], place: Place) -> int:
    number = 0
    while (*place, number) in lines:
        number += 1
    return number


def _inside(values: Mapping[str, Any], place: Place) -> Iterator[Place]:
    for key, value in values.items():
        yield (*place, key)
        if isinstance(value, Mapping):
            yield from _inside(value, (*place, key))
