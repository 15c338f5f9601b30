"""Tables of applications: checked by the options of their plugin, started on the link, and reloaded one by one."""

from __future__ import annotations

import os
import signal

import pytest
from cli.run_kit import Running, write
from cli_kit import KEY, LIMIT, PASSWORD, make_hub, run
from plugins.dists import HEAD, Dists

from hivemind_sdk import BusMessage

BELL = """
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

@dataclass(frozen=True)
class Options:
    text: str = "ding"
    times: int = 1
    more: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    token: str = field(default="", repr=False, metadata={"secret": True})

@dataclass(frozen=True)
class Tower:
    bells: int = 1

    def __post_init__(self):
        if self.bells > 9:
            raise ValueError(f"{self.bells} bells are too many")

class Bell:
    def __init__(self, options):
        self.options, self.end = options, lambda: None

    def say(self, what):
        print(f"bell {self.options.text} {what}", file=sys.stderr, flush=True)

    def start(self, satellite):
        if self.options.text == "broken":
            raise ValueError("out of order")
        self.say("starts")
        self.end = satellite.on_bus("bell", lambda message: self.say(f"rings {len(self.options.token)}")).cancel

    def close(self):
        self.end()
        self.say("ends")

@hookimpl
def hivemind_applications():
    return [
        ApplicationPlugin(name="bell", create=Bell, options=Options),
        ApplicationPlugin(name="tower", create=Bell, options=Tower),
    ]
"""


@pytest.fixture
def bell(tmp_path, monkeypatch):
    """An installed application; processes find it, too."""
    made = Dists(tmp_path, monkeypatch, beside_ours=True)
    made.install("hivemind-bell", {"application.bell": BELL}, head=HEAD)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(str(one) for one in sorted(tmp_path.glob("path*"))))
    yield made
    made.forget()


@pytest.fixture
def plain_hub():
    with make_hub("5.3.10a1") as hub:
        yield hub


@pytest.mark.parametrize(
    ("table", "line", "key", "wrong", "remedy"),
    [
        ("[bell]\ntext = 5\n", 8, "bell.text", "a number 5", 'write text = "5"'),
        ("[bell]\n[bell.more]\nloud = 2\n", 8, "bell.more", "should be a table", "{ NAME = VALUE }"),
        ("[tower]\n\nbells = 12\n", 9, "tower.bells", "12 bells are too many", "correct it"),
        ("[bell]\n\ntimse = 2\n", 9, "bell.timse", "not known", "did you mean times?"),
        ("[bel]\n", 7, "bel", "no application is called so", "did you mean bell?"),
        ("[bell]\ntoken_file = 'none'\n", 8, "bell.token_file", "can't be read", "path of a text file"),
    ],
)
def test_a_table_is_checked_by_the_options_of_its_plugin(table, line, key, wrong, remedy, bell, home, plain_hub):
    path = write(home, plain_hub, table)
    (problem,) = run("run", "--check", "--json", str(path)).json["problems"]
    assert (problem["line"], problem["key"]) == (line, key)
    assert wrong in problem["text"]
    assert remedy in problem["remedy"]


def test_an_application_lives_with_the_satellite_and_is_reloaded_alone(bell, home, plain_hub):
    (home / "token").write_text("abc")
    (home / "token").chmod(0o600)
    text = '[bell]\ntext = "{}"\ntoken_file = "token"\n'
    with Running(write(home, plain_hub, text.format("dong"))) as running:
        running.until("bell dong starts")
        running.until("link: READY")
        peer = plain_hub.wait_for(lambda hub: hub.peers, LIMIT)[0]
        ring(peer)
        running.until("bell dong rings 3")
        write(home, plain_hub, text.format("gong"))
        running.signal(signal.SIGHUP)
        running.until("reloaded on the same link: bell")
        ring(peer)
        running.until("bell gong rings 3")
        write(home, plain_hub)
        running.signal(signal.SIGHUP)
        running.until("bell gong ends")
        assert plain_hub.peers == [peer]
        assert running.stop() == 0
    told = [line.strip() for line in running.told if line.startswith("bell")]
    assert [line.split()[1:3] for line in told] == [
        ["dong", "starts"],
        ["dong", "rings"],
        ["dong", "ends"],
        ["gong", "starts"],
        ["gong", "rings"],
        ["gong", "ends"],
    ]
    assert not [line for line in running.told if KEY in line or PASSWORD in line or "abc" in line]


def test_one_that_can_not_start_ends_the_program_and_at_a_reload_is_left_out(bell, home, plain_hub):
    with Running(write(home, plain_hub, '[bell]\ntext = "broken"\n')) as running:
        assert running.wait() == 2
        assert "the application 'bell' can't be started: ValueError" in running.told[-1]
    with Running(write(home, plain_hub, "[bell]\n")) as running:
        running.until("link: READY")
        peer = plain_hub.wait_for(lambda hub: hub.peers, LIMIT)[0]
        write(home, plain_hub, '[bell]\ntext = "broken"\n')
        running.signal(signal.SIGHUP)
        running.until("can't be started: ValueError")
        write(home, plain_hub, '[bell]\ntext = "dong"\n')
        running.signal(signal.SIGHUP)
        running.until("bell dong starts")
        assert plain_hub.peers == [peer]
        assert running.stop() == 0


def ring(peer):
    peer.send_bus(BusMessage("bell", {}))
