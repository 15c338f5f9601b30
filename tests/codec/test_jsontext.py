from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from codec_kit import json_values
from hypothesis import given
from hypothesis import strategies as st

from hivemind_sdk.errors import LimitExceeded, MalformedFrame, NotEncodable, RemoteProtocolError
from hivemind_sdk.messages.strict_json import dumps, dumps_ascii, loads


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@given(json_values)
def test_writers_write_what_the_json_module_writes(value):
    assert dumps_ascii(value) == json.dumps(value)
    raw = json.dumps(value, ensure_ascii=False)
    if dumps(value) != raw:
        assert dumps(value) == json.dumps(value)
        with pytest.raises(UnicodeEncodeError):
            raw.encode()


@given(json_values)
def test_what_is_written_is_read_back_from_text_and_from_utf8(value):
    for text in (dumps(value), dumps_ascii(value), json.dumps(value, indent=1), f"\r\n\t {dumps(value)} \n"):
        assert loads(text) == value
        assert loads(text.encode()) == value


@given(json_values, st.integers(1, 6))
def test_nesting_is_counted_exactly_and_brackets_in_strings_are_not(value, limit):
    text = dumps([value, '"]}', "[" * 9, "\\"])
    if _depth(value) + 1 > limit:
        with pytest.raises(LimitExceeded):
            loads(text, depth=limit)
    else:
        assert loads(text, depth=limit)[0] == value


@given(st.one_of(st.text(), st.text('[]{}",:\\ 0e1n')), st.integers(1, 4))
def test_for_any_text_the_reader_agrees_with_the_json_module_or_refuses(text, limit):
    try:
        value = loads(text, depth=limit)
    except RemoteProtocolError:
        return
    assert value == json.loads(text)
    assert _depth(value) <= limit


@given(st.binary())
def test_for_any_bytes_only_our_errors_come_out(data):
    with contextlib.suppress(RemoteProtocolError):
        loads(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "NaN",
        "[Infinity]",
        '{"a": -Infinity}',
        "1e999",
        "-1e400",
        "{} {}",
        "[1,]",
        "\ufeff{}",
        "9" * 5000,
        '"\n"',
        '"\\ud800\udcc5"',  # two halves of a surrogate pair, one of them raw
    ],
)
def test_what_is_no_json_is_refused(text):
    with pytest.raises(MalformedFrame):
        loads(text)


def test_an_error_never_shows_the_text():
    with pytest.raises(MalformedFrame) as caught:
        loads('{"password": "hunter2", }')
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("value", [{"a": object()}, {1, 2}, float("nan"), [float("inf")], {("a",): 1}, b"bytes"])
def test_what_json_can_not_hold_is_refused_without_being_shown(value):
    for write in (dumps, dumps_ascii):
        with pytest.raises(NotEncodable) as caught:
            write(value)
        assert "bytes'" not in str(caught.value)


def test_a_circular_object_is_refused_and_leaves_nothing_behind():
    circle: list[Any] = []
    circle.append(circle)
    for _ in range(2):
        with pytest.raises(NotEncodable):
            dumps(circle)
        assert dumps([[]]) == "[[]]"


@pytest.mark.parametrize(
    "text", ["[" * 3_000_000 + "]" * 3_000_000, ("[" * 64 + "]" * 64 + ",") * 40_000, "[" * 3_000_000]
)
def test_hostile_nesting_is_refused_in_linear_time(text):
    begin = time.process_time()
    with pytest.raises(RemoteProtocolError):
        loads(text)
    assert time.process_time() - begin < 5
