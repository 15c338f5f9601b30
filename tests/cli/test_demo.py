"""The demo: what a newcomer sees first."""

from __future__ import annotations

import json
import re

from cli_kit import program


def test_the_demo_shows_the_states_in_order_and_a_conversation_and_leaves_no_trace(home):
    done = program("demo", http_proxy="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9")
    assert (done.code, done.err) == (0, "")
    rows = [tuple(line.strip().split(" | ", 1)) for line in done.out.splitlines()]
    assert [who for who, _ in rows] == [
        *("hub", "state", "state", "state", "link", "key"),
        *("you", "hub", "you", "hub", "state", "done"),
    ]
    assert [text for who, text in rows if who == "state"] == ["CONNECTING", "HANDSHAKE", "READY", "CLOSED"]
    told = dict(rows)
    assert re.fullmatch(r"protocol 3: noise XXpsk2, 25519_\w+_SHA256", told["link"])
    assert re.match(r"SHA256:\S{43}, the hub's$", told["key"])
    assert list(home.rglob("*")) == []


def test_the_demo_can_be_read_by_programs():
    lines = [json.loads(line) for line in program("demo", "--json").out.splitlines()]
    assert [one["text"] for one in lines if one["what"] == "state"] == ["CONNECTING", "HANDSHAKE", "READY", "CLOSED"]
    (link,) = (one for one in lines if one["what"] == "link")
    assert (link["protocol"], link["pattern"]) == (3, "XXpsk2")
    assert link["hub_key"].startswith("SHA256:")


def test_the_demo_needs_no_home_that_can_be_written():
    assert program("demo", HOME="/proc/nowhere", XDG_CONFIG_HOME="").code == 0
