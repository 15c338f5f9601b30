"""What the pages promise is held by tests: `promises/PAGE.txt` has each sentence of a page, and below it its tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.tables import ROOT, check_cited_tests, sentences

HERE = Path(__file__).parent
PAGES = ("security", "topology-as-policy", "life-of-a-link")
EXPLAINS = "-"


def held(page: str) -> list[tuple[str, list[str]]]:
    """(sentence, what is cited below it), in order."""
    found: list[tuple[str, list[str]]] = []
    for line in (HERE / f"promises/{page}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            found[-1][1].append(line.strip())
        elif not line.startswith("#"):
            found.append((line, []))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_each_sentence_of_the_page_names_its_tests_or_promises_nothing(page):
    """Who changes a sentence says here which test holds it now."""
    said = sentences(ROOT / f"docs/explanation/{page}.md")
    assert [sentence for sentence, _ in held(page)] == said
    assert all(cited for _, cited in held(page))


@pytest.mark.parametrize("page", PAGES)
def test_the_tests_that_hold_it_exist(page):
    for sentence, cited in held(page):
        if cited != [EXPLAINS]:
            assert sentence
            for one in cited:
                check_cited_tests(f"`{one}`")
