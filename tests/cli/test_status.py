"""status: once, over and over, on a terminal and in a pipe."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest
from cli_kit import LIMIT, PROGRAM, Terminal, run


@pytest.fixture(params=["hub", "hub3"])
def any_hub(request):
    return request.getfixturevalue(request.param)


def test_status_shows_state_session_and_counters(any_hub):
    done = run("status")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("== READY for ")
    for text in (f"hub        ws://127.0.0.1:{any_hub.port}", "protocol", "frames", "dropped    none", "round trip"):
        assert f"   {text}" in done.out


def test_status_as_json_has_it_all_also_where_it_fails(hub):
    told = run("status", "--json").json
    assert (told["state"], told["session"]["protocol"]) == ("READY", 2)
    assert told["counters"]["links"] == 1
    assert told["counters"]["round_trips"]["count"] >= 1
    failed = run("status", "--json", "--port", "1")
    assert failed.code == 4
    assert (failed.json["state"], failed.json["session"]) == ("CLOSED", None)
    assert failed.json["error"]["exit_code"] == 4


def test_status_works_where_nothing_counts_and_says_so(hub, monkeypatch):
    monkeypatch.setenv("HIVEMIND_PLUGINS_DISABLED", "observer.counters")
    done = run("status")
    assert done.code == 0
    assert "counters   nothing is counted" in done.out
    assert run("status", "--json").json["counters"] is None


def test_watch_is_refreshed_in_place_on_a_terminal(hub):
    with Terminal("status", "--watch") as terminal:
        terminal.until("\x1b[H\x1b[J")
        terminal.until("reconnects 0")
        assert terminal.interrupt() == 130


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_watch_prints_plain_lines_into_a_pipe_and_shows_a_reconnect(hub, as_json):
    with subprocess.Popen(
        [*PROGRAM, "status", "--watch", *as_json], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        dropped = False
        for line in process.stdout:
            assert "\x1b" not in line
            told = json.loads(line) if as_json else line
            if (told["state"] == "READY") if as_json else line.startswith("READY for "):
                if (told["counters"]["reconnects"] > 0) if as_json else "reconnects 1" in line:
                    break
                if not dropped:
                    dropped = True
                    hub.wait_for(lambda hub: hub.peers)[0].close(1001)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(LIMIT) == 130


def test_watch_ends_with_what_is_for_good(hub):
    done = run("status", "--watch", "--password", "wrong")
    assert done.code == 3
    assert "different passwords" in done.err
