"""The vector runner: the public vectors pass, and whoever changes one asserted value makes a case fail."""

import collections
import copy
import functools
import hashlib
import inspect
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import argon2.low_level
import pytest
from click.testing import CliRunner

from hivemind_sdk.testing.vectors import cli, runner
from hivemind_sdk.testing.vectors.engine import Engine

STDERR_APART = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}  # click 8.1
VECTORS = Path(__file__).parent.parent / "vectors"
FILES = (
    "noise",
    "ciphers",
    "codec",
    "encodings",
    "envelope_json",
    "handshake_password",
    "handshake_rsa",
    "intercom",
    "negative",
    "transcript",
)

PBKDF2 = functools.cache(hashlib.pbkdf2_hmac)
ARGON2 = functools.cache(argon2.low_level.hash_secret_raw)
AT_MOST = {"noise": 3}
"""times that a value of one name is changed, in files where running a case takes long"""


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.fixture(autouse=True)
def derive_each_key_once(monkeypatch):
    """PBKDF2 takes 40 ms, Argon2 200 ms, and a thousand changed cases derive the same few keys."""
    monkeypatch.setattr(hashlib, "pbkdf2_hmac", PBKDF2)
    monkeypatch.setattr(argon2.low_level, "hash_secret_raw", ARGON2)


@functools.cache
def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


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
    """Another value of the same kind: hex stays hex, a list of hops one of hops."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        if re.fullmatch("[0-9a-f]+", value):
            return value[:-1] + ("0" if value[-1] != "0" else "1")
        return value[:-1] + ("y" if value[-1] == "x" else "x") if value else "00"
    return "x" if value is None else [{"source": "x"}] if value == [] else {"x": 1}


def shape(path):
    return ".".join("*" if isinstance(key, int) else key for key in path)


def at(value, path):
    return functools.reduce(lambda inner, key: inner[key], path, value)


def with_change(case, path):
    other = copy.deepcopy(case)
    holder = at(other, path[:-1])
    holder[path[-1]] = changed(holder[path[-1]])
    return other


def expectation(case):
    """Which generation's result a case of envelope_json is held to."""
    return "gen_0_8" if case["gen_1_2"] == {"same": True} else "gen_1_2"


def is_for_people(name, case, path):
    """What the README of the vectors excepts: changing it must not matter. Exception classes are informative."""
    key = path[0]
    if name == "envelope_json" and key == expectation(case):
        return path[-1] == "error"
    return key in runner.PROSE or key.startswith(runner.PROSE_PREFIXES) or path == ("encode_error", "class")


def is_input_without_trace(name, case, path):
    """Inputs that leave no trace in what the file asserts. Everything else has to be noticed."""
    if name == "negative" and case["area"] == "dispatch":
        # of what reaches the bus it is only said how often; what is in a signed envelope has to be noticed
        sealed = case["expect"]["inject"] and "INTERCOM" in case["description"]
        return path[0] == "input" and (not sealed or path == ("input", "site_id"))
    if name == "negative":
        # there is but a verdict: most other inputs are rejected, too; of a frame it is not said what it decodes to; and
        # a Noise message does not depend on all keys
        return path[0] == "input" and (case["expect"]["verdict"] != "accept" or case["area"] in ("frame", "noise"))
    if name == "codec":
        return path[0] == "encode" and "encode_error" in case
    if name == "envelope_json" and path[0] == "input":
        refused = "error" in case[expectation(case)]
        dropped = path[:3] == ("input", "kwargs", "route")  # hops without a source
        return refused or dropped or path[:3] == ("input", "kwargs", "metadata")
    return False


@pytest.mark.parametrize("name", FILES)
def test_changing_any_one_value_makes_its_case_fail(name, engine):
    document = load(name)
    unnoticed, noticed, changes = [], set(), collections.Counter()
    for case in document["cases"]:
        for path, _ in leaves(case):
            changes[shape(path)] += 1
            if is_for_people(name, case, path) or changes[shape(path)] > AT_MOST.get(name, math.inf):
                continue
            report = run({**document, "cases": [with_change(case, path)]}, engine)
            if not report.ok:
                noticed.add(path[0])
            elif not is_input_without_trace(name, case, path):
                unnoticed.append((case["id"], *path))
    assert unnoticed == []
    # nothing but prose is left out: each key of the file's cases was noticed at least once
    keys = {key for case in document["cases"] for key in case if not is_for_people(name, case, (key,))}
    assert keys - noticed <= {"encode_error"}


@pytest.mark.parametrize("name", FILES)
def test_prose_may_be_changed(name, engine):
    for case in load(name)["cases"][:3]:
        path = [key for key in case if is_for_people(name, case, (key,)) and isinstance(case[key], str)]
        edited = {**case, **dict.fromkeys(path, "edited")}
        assert run({**load(name), "description": "edited", "cases": [edited]}, engine).ok


@pytest.mark.parametrize("name", FILES)
def test_a_value_that_nobody_asks_for_fails_the_case(name, engine):
    for case in load(name)["cases"]:
        report = run({**load(name), "cases": [{**case, "surplus": 1}]}, engine)
        assert report.failed[0].differences == ("surplus: unknown to the runner",)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_value_fails_the_case(name, engine):
    optional = {"value_hex"}
    for case in load(name)["cases"]:
        for key in case:
            if key in optional or is_for_people(name, case, (key,)) or (name, key) == ("codec", "encode_error"):
                continue
            fewer = {other: value for other, value in case.items() if other != key}
            assert not run({**load(name), "cases": [fewer]}, engine).ok, (case["id"], key)


def test_changing_a_key_pair_or_a_generation_is_noticed(engine):
    document = {**load("handshake_rsa"), "cases": []}
    assert run(document, engine).ok
    for part in ("keys", "generations"):
        for path, _ in leaves(document[part]):
            report = run({**document, part: with_change({part: document[part]}, (part, *path))[part]}, engine)
            assert not report.ok, path


def test_exception_class_names_are_informative(engine):
    for name, case_id, key in (("codec", "codec-063", "encode_error"), ("envelope_json", "env-026", "gen_0_8")):
        case = copy.deepcopy(next(case for case in load(name)["cases"] if case["id"] == case_id))
        case[key] = dict.fromkeys(case[key], "AnotherError")
        assert run({**load(name), "cases": [case]}, engine).ok


def test_an_unknown_kind_fails_instead_of_being_skipped(engine):
    cases = [
        {"id": "a", "something": "else"},
        {"id": "b", "area": "telepathy", "input": {}, "expect": {"verdict": "accept"}},
        {"id": "c", "op": "levitate", "input": {}, "gen_0_8": {"result": {}}, "gen_1_2": {"same": True}},
        {"id": "d", "encode": {}, "op": "construct"},
    ]
    report = run({"cases": cases}, engine)
    assert [result.id for result in report.failed] == ["a", "b", "c", "d"]


def test_a_fault_in_one_case_does_not_hide_the_others(engine):
    good = load("encodings")["cases"][0]
    report = run({"cases": [{**good, "id": "broken", "encoded": 7}, good]}, engine)
    assert [result.id for result in report.failed] == ["broken"]
    assert [result.id for result in report.passed] == [good["id"]]


def test_differences_on_purpose_are_held_to_our_own_expectation(engine):
    """... and to the record, where it says more than what we do otherwise."""
    on_purpose = {result.id: result.on_purpose for name in FILES for result in run(load(name), engine).results}
    assert {case: len(reasons) for case, reasons in on_purpose.items() if reasons} == dict.fromkeys(
        (
            *("codec-013", "codec-026", "codec-045", "codec-048", "codec-055", "codec-056", "codec-068"),
            *("env-013", "env-023", "env-045", "env-047", "env-052"),
            *("rsahs-001", "rsahs-002", "rsahs-004", "transcript-003", "transcript-004"),
        ),
        1,
    )


# --- the command line -------------------------------------------------------------------------------------------


def invoke(*arguments):
    return CliRunner(**STDERR_APART).invoke(cli.main, [str(argument) for argument in arguments])


def written(path, document):
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_the_command_line_counts_and_names_the_difference(tmp_path):
    document = copy.deepcopy(load("encodings"))
    document["cases"][2]["len"] += 1
    result = invoke(VECTORS / "ciphers.json", written(tmp_path / "bad.json", document))
    assert result.exit_code == 1
    assert f"{VECTORS / 'ciphers.json'}: 12 passed, 0 failed\n" in result.stdout
    assert "bad.json: 18 passed, 1 failed\n  FAILED enc-004: len: expected 4, got 3\n" in result.stdout


def test_json_for_programs(tmp_path):
    result = invoke("--json", VECTORS / "encodings.json", written(tmp_path / "odd.json", {"cases": [{"id": "x"}]}))
    found = json.loads(result.stdout)
    assert (result.exit_code, found["passed"], found["failed"], found["errors"]) == (1, 19, 1, [])
    assert found["files"][1]["cases"] == [
        {"id": "x", "passed": False, "differences": ["a case of an unknown kind"], "on_purpose": [], "note": ""}
    ]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"cases": {}}', b'{"cases": [1]}', b'{"cases": [{}]}', b"[" * 100_000],
)
def test_a_file_that_is_no_vector_file_gives_one_line_and_exit_code_2(tmp_path, content):
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    result = invoke(path, VECTORS / "encodings.json")
    assert result.exit_code == 2
    assert result.stderr.startswith(str(path))
    assert len(result.stderr.splitlines()) == 1
    assert "19 passed, 0 failed" in result.stdout


def test_half_a_character_in_a_difference_can_be_printed(tmp_path):
    path = tmp_path / "half.json"
    path.write_text('{"cases": [{"id": "x", "op": "\\ud800"}]}', encoding="utf-8")
    result = invoke(path)
    assert (result.exit_code, result.exception.__class__) == (1, SystemExit)
    assert "FAILED x: misses" not in result.stdout
    assert "ud800" in result.stdout


def test_a_file_that_is_not_there_gives_exit_code_2(tmp_path):
    result = invoke(tmp_path / "missing.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "can't be read" in result.stderr


def test_it_runs_as_a_module():
    command = [sys.executable, "-m", "hivemind_sdk.testing.vectors", str(VECTORS / "encodings.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{VECTORS / 'encodings.json'}: 19 passed, 0 failed\n"
