"""What the code cites is in the documentation, and what the documentation says of itself is true."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import get_origin

import pytest

from hivemind_sdk import contracts, hooks
from hivemind_sdk.plugins.loader import HOOKS
from hivemind_sdk.testing.vectors.kinds import KINDS
from hivemind_sdk.testing.vectors.negative import AREAS

ROOT = Path(__file__).parent.parent.parent
SOURCES = [*ROOT.glob("hivemind_sdk/**/*.py"), *ROOT.glob("plugins/**/*.py")]
CITATION = re.compile(
    r"(?P<page>wire(?:-v3)?)\.md,? sections? (?P<sections>\d+(?:\.\d+)?(?:(?:, | and | to )\d+(?:\.\d+)?)*)"
)
HEADING = re.compile(r"^#{2,3} (\d+(?:\.\d+)?)\.? ", re.MULTILINE)


def headings(page: str) -> set[str]:
    return set(HEADING.findall((ROOT / "docs/reference" / f"{page}.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", ["wire", "wire-v3"])
def test_every_section_of_the_protocol_that_the_code_cites_exists(page):
    cited = {}
    for source in SOURCES:
        for found in CITATION.finditer(source.read_text(encoding="utf-8")):
            if found["page"] == page:
                cited.update(dict.fromkeys(re.findall(r"\d+(?:\.\d+)?", found["sections"]), source.name))
    assert cited
    assert {section: where for section, where in cited.items() if section not in headings(page)} == {}


def test_the_page_of_the_vectors_has_every_kind_by_its_marks_and_every_area():
    lines = (ROOT / "docs/reference/vectors.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| kind | known by | what is done | what is asserted |") + 2
    rows = [line.split(" | ") for line in lines[start : lines.index("", start)]]
    assert {row[0].strip("| "): set(re.findall(r"`(\w+)`", row[1])) for row in rows} == {
        kind.name: set(kind.marks) for kind in KINDS
    }
    areas = next(row[2] for row in rows if row[0] == "| negative")
    assert set(re.findall(r"`([\w-]+)`", areas)) == set(AREAS)


def classes(module, names):
    members = (getattr(module, name) for name in names)
    return [
        one for one in members if inspect.isclass(one) and get_origin(one) is None
    ]  # Generator[...], to Python 3.10


CONTRACTS = classes(contracts, contracts.__all__)
RECORDS = [one for one in classes(hooks, vars(hooks)) if one.__module__ == hooks.__name__]


@pytest.mark.parametrize("contract", [*CONTRACTS, *RECORDS], ids=lambda one: one.__name__)
def test_every_contract_and_record_and_each_of_their_methods_is_explained(contract):
    generated = f"{contract.__name__}("  # what a dataclass says of itself
    unexplained = [] if contract.__doc__ and not contract.__doc__.startswith(generated) else [contract.__name__]
    for name, member in vars(contract).items():
        is_method = inspect.isfunction(member) or isinstance(member, (property, classmethod, staticmethod))
        if not name.startswith("_") and is_method and not inspect.getdoc(member):
            unexplained.append(name)
    assert unexplained == []


@pytest.mark.parametrize("hook", HOOKS)
def test_a_how_to_has_a_whole_plugin_with_this_hook(hook):
    pages = [page.read_text(encoding="utf-8") for page in ROOT.glob("docs/how-to/*.md")]
    assert any(f"@hookimpl\ndef {hook}():" in page and "HIVEMIND_API = 1" in page for page in pages)
