"""The vector runner: the public vectors pass, and whoever changes one asserted value makes a case fail."""

import copy
import functools
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hivemind_sdk.testing.vectors import cli, runner
from hivemind_sdk.testing.vectors.engine import Engine

VECTORS = Path(__file__).parent.parent / "vectors"
FILES = (
    "ciphers",
    "codec",
    "encodings",
    "envelope_json",
    "handshake_password",
    "handshake_rsa",
    "negative",
    "transcript",
)
AREAS = {"frame", "encode", "cipher", "cipher-json", "encoding", "password", "rsa"}
"""of negative.json; the others wait for the mesh and for Noise"""


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.fixture(autouse=True)
def derive_each_key_once(monkeypatch):
    """PBKDF2 takes 40 ms, and a thousand changed transcripts derive the same three keys."""
    monkeypatch.setattr(hashlib, "pbkdf2_hmac", functools.lru_cache(maxsize=None)(hashlib.pbkdf2_hmac))


@functools.cache
def load(name):
    document = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    if name == "negative":
        document["cases"] = [case for case in document["cases"] if case["area"] in AREAS]
    return document


def run(document, engine):
    return runner.run(runner.parse(document, "test"), engine)


@pytest.mark.parametrize("name", FILES)
def test_public_vectors_pass(name, engine):
    report = run(load(name), engine)
    assert report.differences == ()
    assert {result.id: result.differences for result in report.failed} == {}
    assert len(report.passed) == len(load(name)["cases"])


# --- one value at a time ----------------------------------------------------------------------------------------


def leaves(value, path=()):
    """The paths of all values that hold no other value."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def changed(value):
    """Another value of the same kind: hex stays hex."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        if re.fullmatch("[0-9a-f]+", value):
            return value[:-1] + ("0" if value[-1] != "0" else "1")
        return value[:-1] + ("y" if value[-1] == "x" else "x") if value else "00"
    return {None: "x"}.get(value, "x") if value is None else [1] if value == [] else {"x": 1}


def with_change(case, path):
    other = copy.deepcopy(case)
    *parents, last = path
    holder = functools.reduce(lambda inner, key: inner[key], parents, other)
    holder[last] = changed(holder[last])
    return other


def is_prose(name, case, path):
    """What the README says is for people; in envelope_json the result of one generation is the expectation."""
    key = path[0]
    if name == "envelope_json" and key in ("gen_0_8", "gen_1_2"):
        expected = "gen_0_8" if case["gen_1_2"] == {"same": True} else "gen_1_2"
        return key != expected or path[1] == "error"
    return key in runner.PROSE or key.startswith(runner.PROSE_PREFIXES)


def shape(path):
    return ".".join("*" if isinstance(key, int) else key for key in path)
