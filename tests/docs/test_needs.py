"""The page of what users suffered from names a test for each row, and that test exists."""

from __future__ import annotations

import pytest
from docs.tables import ROOT, check_cited_tests, table

PAGE = ROOT / "docs/explanation/what-users-suffered-from.md"
ROWS = [row for number in range(3) for row in table(PAGE, "Row", number)]


def test_no_row_is_missing():
    wanted = [f"L{n}" for n in range(1, 23)] + [f"S{n}" for n in range(1, 16)] + [f"M{n}" for n in range(1, 13)]
    assert [row["Row"] for row in ROWS] == wanted


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["Row"])
def test_the_test_that_protects_a_row_exists(row):
    check_cited_tests(row["Protected by"])
