"""A vector file -> its cases -> what became of each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hivemind_sdk.errors import HiveMindError
from hivemind_sdk.messages import JSONObject

from .case import Case
from .engine import Engine
from .fields import CaseProblem, Fields
from .kinds import kind_of

GENERATIONS = ("0.8.0a1", "1.2.12a1")
"""the reference clients that the vectors were recorded from"""
PROSE = ("id", "description", "group", "note", "notes", "required")
"""keys of a case that are for people; so are those that start with PROSE_PREFIXES"""
PROSE_PREFIXES = ("upstream_", "gen_")
TEST_KEYS = Path(__file__).with_name("keys.json")
"""the key pairs that all vectors share, for files that name one and do not bring it along"""


class BadVectorFile(HiveMindError):
    """This file can't be read, or is no vector file."""


@dataclass(frozen=True)
class Result:
    """What became of one case. It passed where there are no differences."""

    id: str
    differences: tuple[str, ...]
    on_purpose: tuple[str, ...] = ()
    note: str = ""

    @property
    def passed(self) -> bool:
        return not self.differences


@dataclass(frozen=True)
class Report:
    """What became of one file. `differences` are those of the file itself, outside of its cases."""

    file: str
    results: tuple[Result, ...]
    differences: tuple[str, ...] = ()

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results if not result.passed]

    @property
    def passed(self) -> list[Result]:
        return [result for result in self.results if result.passed]

    @property
    def ok(self) -> bool:
        return not self.failed and not self.differences


@dataclass
class Document:
    """A vector file, read but not yet run."""

    name: str
    fields: Fields
    cases: list[JSONObject]
    generations: tuple[str, ...] = GENERATIONS
    differences: list[str] = field(default_factory=list)


def run_file(path: Path, engine: Engine) -> Report:
    """Read and run one file. Raises BadVectorFile."""
    document = read(path)
    return run(document, engine)


def read(path: Path) -> Document:
    """Raises BadVectorFile with one line that says what is wrong."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadVectorFile(f"{path}: can't be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise BadVectorFile(f"{path}: not JSON: {error}") from None
    return parse(value, str(path))


def parse(value: Any, name: str) -> Document:
    """A vector file from its parsed JSON. Raises BadVectorFile."""
    if not isinstance(value, dict) or not isinstance(value.get("cases"), list):
        raise BadVectorFile(f"{name}: no vector file: an object with a list `cases` was expected")
    for index, case in enumerate(value["cases"]):
        if not isinstance(case, dict) or not isinstance(case.get("id"), str):
            raise BadVectorFile(f"{name}: no vector file: cases[{index}] is not an object with a text `id`")
    document = Document(name, Fields(value), value["cases"])
    document.fields.get("description")
    document.fields.take("cases")
    if "generations" in document.fields:
        _read_generations(document)
    return document


def run(document: Document, engine: Engine) -> Report:
    """Run every case of a file that was read."""
    keys = _keys(document, engine)
    results = tuple(_run_case(fields, document, engine, keys) for fields in document.cases)
    unread = [f"{name}: unknown to the runner" for name in document.fields.unread()]
    return Report(document.name, results, (*document.differences, *unread))


def _run_case(value: JSONObject, document: Document, engine: Engine, keys: Fields) -> Result:
    fields = Fields(value)
    kind = kind_of(fields)
    if kind is None:
        return Result(value["id"], ("a case of an unknown kind",))
    case = Case(fields, engine, keys, document.generations)
    try:
        kind.run(case)
    except CaseProblem as problem:
        case.differences.append(str(problem))
    except HiveMindError as error:
        case.differences.append(f"the engine refused: {type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001  a fault in one case must not hide the others
        case.differences.append(f"crashed: {type(error).__name__}: {error}")
    else:
        case.differences += [f"{name}: unknown to the runner" for name in fields.unread() if not _is_prose(name)]
    return Result(value["id"], tuple(case.differences), tuple(case.on_purpose), case.note)


def _is_prose(name: str) -> bool:
    return name in PROSE or name.startswith(PROSE_PREFIXES)


def _read_generations(document: Document) -> None:
    named = document.fields.take("generations")
    known = isinstance(named, list) and named and all(one in GENERATIONS for one in named)
    if known and len(set(named)) == len(named):
        document.generations = tuple(named)
    else:
        document.differences.append(f"generations: {named!r} is not a choice of {', '.join(GENERATIONS)}")


def _keys(document: Document, engine: Engine) -> Fields:
    """The key pairs of the file, each of them checked; else the shared ones."""
    if "keys" not in document.fields:
        return Fields(json.loads(TEST_KEYS.read_text(encoding="utf-8")), "keys")
    try:
        keys = document.fields.part("keys")
        for name in keys:
            document.differences += _check_key(keys.part(name), engine)
    except (CaseProblem, HiveMindError) as error:
        document.differences.append(f"keys: {error}")
        return Fields({}, "keys")
    return keys


def _check_key(pair: Fields, engine: Engine) -> Iterable[str]:
    private, public = pair.text("private_pem"), pair.text("public_pem")
    rsa = engine.rsa
    if rsa.public(private) != public:
        yield f"{pair.name('public_pem')}: not the public key of private_pem"
    if rsa.size(public) * 8 != pair.take("bits"):
        yield f"{pair.name('bits')}: expected {rsa.size(public) * 8}, got {pair.take('bits')!r}"
