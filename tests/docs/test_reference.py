"""What the code cites is in the documentation, and what the documentation says of itself is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
