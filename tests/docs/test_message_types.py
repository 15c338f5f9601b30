"""The tables of message types are complete, and what they cite exists."""

from __future__ import annotations

import pytest
from docs.tables import ROOT, check_cited_tests, table
from mesh.test_policy import POLICY

from hivemind_sdk.messages import HiveMessageType, HiveMindBinaryPayloadType

PAGE = ROOT / "docs/reference/message-types.md"
TESTS = ROOT / "docs/explanation/what-shows-what.md"
RULES = ROOT / "docs/explanation/topology-as-policy.md"


def test_every_message_type_is_in_the_table_once():
    rows = table(PAGE, "Type")
    assert {row["Type"]: row["On the wire"] for row in rows} == {
        kind.name: f"`{kind.value}`" for kind in HiveMessageType
    }
    assert len(rows) == len(HiveMessageType)
    assert all(all(row.values()) for row in rows)


def test_every_binary_sub_type_is_in_the_table_once():
    rows = table(PAGE, "Sub-type")
    assert [(row["Sub-type"], int(row["Number"])) for row in rows] == [
        (s.name, s.value) for s in HiveMindBinaryPayloadType
    ]


def test_every_message_type_has_a_test():
    assert [row["Type"] for row in table(TESTS, "Type")] == [row["Type"] for row in table(PAGE, "Type")]


@pytest.mark.parametrize("row", table(TESTS, "Type"), ids=lambda row: row["Type"])
def test_the_test_that_a_row_names_exists(row):
    check_cited_tests(row["Shown by"])


def in_words(outcome):
    verb, _, what = outcome.partition(" ")
    return {
        "deliver": "delivered",
        "binary": "to the binary callbacks",
        "drop": f"dropped: `{what}`",
        "send": "answered",
        "map": "put on the hive map",
        "resolve": "told to who asked",
    }[verb]


def test_topology_as_policy_has_the_rules_that_the_tests_check():
    rules = {row["Received"]: row["What a satellite does"] for row in table(RULES, "Received")}
    wanted = {
        name: ", ".join(dict.fromkeys(map(in_words, outcomes))) or "left to callbacks" for name, _, outcomes in POLICY
    }
    assert rules == wanted
