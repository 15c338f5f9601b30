"""The file held against the schema: the values that are right, and every problem with its line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...settings import user_input
from .document import Document, Place
from .schema import FROM_FILE, FROM_VARIABLE, REQUIRED, Key, Table
from .taking import Wrong, example, near, taken


@dataclass(frozen=True, order=True)
class Problem:
    """`key`: with its tables, as `hub.port`. `warning`: the satellite runs nevertheless."""

    line: int
    key: str
    text: str
    remedy: str
    warning: bool = False


@dataclass
class Reader:
    """Reads one document. `problems` grow; what is returned holds nothing that is wrong."""

    document: Document
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, place: Place, text: str, remedy: str, *, warning: bool = False) -> None:
        self.problems.append(Problem(self.document.line(place), name_of(place), text, remedy, warning))

    def refuses(self, name: str) -> bool:
        """Whether something in the table of this name is wrong, so that no more needs to be said of it."""
        return any(one.key.partition(".")[0] == name and not one.warning for one in self.problems)

    def path(self, text: str) -> Path:
        """Relative to the folder of the file. Raises SettingsError."""
        return self.document.path.parent / user_input.user_path(text)

    def table(self, table: Table, raw: Any, place: Place, others: frozenset[str] = frozenset()) -> dict[str, Any]:
        """The values of one table and of the tables in it. `others`: keys in it that are somebody else's."""
        if not isinstance(raw, Mapping):
            self.wrong(place, "is no table", f"write [{name_of(place)}], and its keys below")
            return {}
        found: dict[str, Any] = {}
        for name, value in raw.items():
            here = (*place, name)
            if name in table.tables:
                found[name] = self._tables(table.tables[name], value, here)
            elif (key := table.names.get(name) or table.free) is not None:
                found.update(self._value(name, value, key, here))
            elif name not in others:
                self.wrong(here, "is not known", near(name, {*table.names, *table.tables}))
        found = self._secrets(table, found, place)
        for name, key in table.keys.items():
            if key.default is REQUIRED and name not in raw:
                self.wrong(place, f"has no {name}", f"add {name} = {example(key)}")
        return found if table.builds is None else self.judged(table.builds, found, place)

    def _tables(self, table: Table, value: Any, place: Place) -> Any:
        if not table.repeated:
            return self.table(table, value, place)
        if not isinstance(value, list):
            self.wrong(place, "is not written as a list of tables", f"write [[{name_of(place)}]]")
            return []
        return [self.table(table, one, (*place, number)) for number, one in enumerate(value)]

    def _value(self, name: str, value: Any, key: Key, place: Place) -> Iterator[tuple[str, Any]]:
        """(name, value) if it is right."""
        try:
            found = taken(name, value, key)
            yield name, str(self.path(found)) if key.path and found else found
        except Wrong as wrong:
            self.wrong(place, wrong.text, wrong.remedy)
        except SettingsError as error:
            self.wrong(place, str(error), error.hint)

    def _secrets(self, table: Table, found: dict[str, Any], place: Place) -> dict[str, Any]:
        """With what NAME_file and NAME_env say in the place of NAME."""
        for name in [name for name, key in table.keys.items() if key.secret]:
            given = [one for one in (name, name + FROM_FILE, name + FROM_VARIABLE) if one in found]
            values = [found.pop(one) for one in given]
            if len(given) > 1:
                first, last = sorted(given, key=lambda one: self.document.line((*place, one)))[:: len(given) - 1]
                self.wrong((*place, last), f"is given beside {first}", "leave one of them out")
            elif given and (value := self._secret(name, values[0], given[0], (*place, given[0]))) is not None:
                found[name] = value
        return found

    def _secret(self, name: str, value: str, where: str, place: Place) -> str | None:
        if where == name:
            if name != "proxy" or "@" in value:
                self.wrong(
                    place,
                    "is a secret that everybody sees who can read this file",
                    f"put it into a file of its own, and write {name}{FROM_FILE} = PATH",
                    warning=True,
                )
            return value
        if where.endswith(FROM_VARIABLE):
            if value in self.environ:
                return self.environ[value]
            self.wrong(
                place, f"names the variable {value[:60]}, which is not set", f"set it, or write {name}{FROM_FILE}"
            )
            return None
        return self._of_file(Path(value), place)

    def _of_file(self, path: Path, place: Place) -> str | None:
        try:
            if path.stat().st_mode & 0o004:
                self.wrong(place, f"is a file that everybody can read: {path}", f"chmod 600 {path}", warning=True)
            return user_input.text_of(path.read_bytes())
        except (OSError, UnicodeDecodeError) as error:
            fault = getattr(error, "strerror", None) or "it is not UTF-8"
            self.wrong(place, f"names the file {path}, which can't be read: {fault}", "write the path of a text file")
            return None

    def judged(self, builds: Callable[..., Any], found: dict[str, Any], place: Place) -> dict[str, Any]:
        """Without what the values' own class refuses: all of them, and as long as that fails, the one that it is about.

        A value that is refused alone may be right beside the others.
        """
        while fault := _fault(builds, found):
            about = next((name for name in found if _is_about(fault, builds, found, name)), None)
            self.wrong(place if about is None else (*place, about), str(fault), fault.hint)
            if about is None:
                break
            del found[about]
        return found


def name_of(place: Place) -> str:
    """As people write it: `fallbacks[0].host`."""
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place).lstrip(".")


def _is_about(fault: SettingsError, builds: Callable[..., Any], values: Mapping[str, Any], name: str) -> bool:
    """Alone it is refused too, and without it this fault is gone."""
    if _fault(builds, {name: values[name]}) is None:
        return False
    return str(_fault(builds, {one: value for one, value in values.items() if one != name})) != str(fault)


def _fault(builds: Callable[..., Any], values: Mapping[str, Any]) -> SettingsError | None:
    try:
        builds(**values)
    except SettingsError as error:
        return error
    return None
