"""`hivemind-client ping` and `map`, against hives in this process."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from cli_kit import identify, make_hub, run

from hivemind_sdk.client.node_identity import NodeIdentity
from hivemind_sdk.satellite.satellite import Satellite
from hivemind_sdk.settings import Credentials, Endpoint, Settings
from hivemind_sdk.testing import HubClient, MemoryState, Mesh
from hivemind_sdk.topology import display_peer

PEM = "-----BEGIN PUBLIC KEY-----\nattic\n-----END PUBLIC KEY-----\n"
WAIT = ("--timeout", "1.5")
BRIEF = ("--timeout", "0.3")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def hive(request, monkeypatch):
    """A hub, another satellite on it, and us in the environment."""
    with make_hub(getattr(request, "param", "4.6.1a1")) as hub:
        identify(monkeypatch, hub)
        hub.add(HubClient("attic-key", "another-long-pass-7", name="attic"))
        settings = Settings(
            Endpoint("ws", "127.0.0.1", hub.port), Credentials("attic-key", "another-long-pass-7"), site_id="attic"
        )
        with Satellite(settings, identity=MemoryState(name="attic", public_key=PEM)):
            yield hub


@pytest.mark.parametrize("hive", ["4.6.1a1", "5.3.10a1"], indirect=True)
def test_ping_shows_who_answers_and_then_the_tree(hive):
    done = run("ping", *WAIT)
    assert done.code == 0
    head, *answers, blank, title, us, hub, sat = done.out.splitlines()
    assert head == "== connected to HiveMind, sending PING (timeout=1.5s)"
    assert (blank, title) == ("", "== Hive Map ==")
    names = [display_peer(hive.node_id), r"attic::\S+"]
    for row, (name, site) in zip(answers, zip(names, ("hub-site", "attic"), strict=True), strict=True):
        assert re.fullmatch(rf"  PING from {name}  site={site}  latency=\d+ms", row)
    assert re.fullmatch(r"\[self\] unnamed-node::\S+", us)
    assert re.fullmatch(rf"└── {names[0]}  site=hub-site  latency=\d+ms", hub)
    assert re.fullmatch(rf"    └── {names[1]}  site=attic  latency=\d+ms", sat)


def test_ping_gives_programs_one_object(hive):
    done = run("ping", *WAIT, "--json")
    found = done.json
    assert done.code == 0
    assert sorted(node["site_id"] for node in found["nodes"]) == ["attic", "hub-site"]
    assert all(0 < node["rtt_ms"] < 1500 for node in found["nodes"])
    attic = next(node for node in found["nodes"] if node["site_id"] == "attic")
    assert (attic["path"][1], attic["path"][2]) == (hive.node_id, found["root"])
    assert {"source": hive.node_id, "target": found["root"]} in found["edges"]


def test_whose_key_we_trust_is_on_the_map(hive):
    identity = NodeIdentity()
    identity.add_trusted_key("attic", PEM)
    identity.save()
    assert "trusted" in run("ping", *WAIT).out


@pytest.mark.parametrize("name", ["hive.svg", "hive.html", "hive.json", "HIVE.SVG"])
def test_map_draws_into_a_file_of_the_wanted_format(hive, home, name):
    done = run("map", "-o", name, "--title", "Our <hive>", *WAIT)
    assert (done.code, done.out.splitlines()[-1]) == (0, f"hive map written: {name} (nodes that answered: 2)")
    text = (home / name).read_text(encoding="utf-8")
    if name.endswith("json"):
        assert len(json.loads(text)["nodes"]) == 2
    else:
        svg = text[text.index("<svg") : text.index("</svg>") + len("</svg>")]
        shown = ["".join(one.itertext()) for one in ET.fromstring(svg).iter() if one.tag.endswith("}text")]
        assert shown[0] == "Our <hive>"
        assert "attic" in shown


def test_map_tells_programs_what_it_wrote(hive):
    assert run("map", "-o", "hive.svg", *WAIT, "--json").json == {"written": "hive.svg", "nodes": 2}


def test_a_hub_that_hangs_up_on_a_ping_is_an_error_that_says_so(monkeypatch):
    with make_hub("4.0.0") as hub:
        identify(monkeypatch, hub)
        done = run("ping", *WAIT)
    assert done.code == 6
    assert "hang up on who sends them a PING" in done.err


def test_who_may_not_ping_is_told_which_permission_is_lacking(monkeypatch):
    with make_hub("5.3.10a1", can_propagate=False) as hub:
        identify(monkeypatch, hub)
        done = run("ping", *WAIT)
    assert done.code == 7
    assert "allow-propagate" in done.err
    assert "4.0" not in done.err


def test_where_nobody_answers_ping_says_so_and_map_draws_nothing(monkeypatch, home):
    with make_hub("4.6.1a1") as hub:
        monkeypatch.setattr(hub.router, "up", lambda peer, message: None)
        identify(monkeypatch, hub)
        quiet, programs, drawn = run("ping", *BRIEF), run("ping", "--json", *BRIEF), run("map", "-o", "h.svg", *BRIEF)
    assert (quiet.code, quiet.out.splitlines()[-1]) == (0, "[No responses received within the timeout window]")
    assert (programs.code, programs.json["nodes"]) == (0, [])
    assert (drawn.code, "nobody answered within 0.3 s" in drawn.err) == (5, True)
    assert not (home / "h.svg").exists()


def test_a_file_that_can_t_be_drawn_is_bad_input():
    assert run("map", "-o", "hive.png").code == 2
    assert "end it with .svg, .html, .json" in run("map", "-o", "hive").err
    assert run("map").code == 2
    assert "there is no folder 'nowhere'" in run("map", "-o", "nowhere/hive.svg").err


@pytest.mark.parametrize("seat", ["house", "floor", "cellar"])
def test_from_wherever_we_sit_in_a_living_hive_the_map_is_its_tree(seat):
    above = {
        "floor": "house",
        "cellar": "house",
        "attic": "floor",
        "study": "floor",
        "wine": "cellar",
        "porch": "house",
    }
    with Mesh() as mesh:
        mesh.hub("house")
        for hub in ("floor", "cellar"):
            mesh.hub(hub, under=above[hub])
        for name in ("attic", "study", "wine", "porch"):
            mesh.satellite(name, above[name])
        us = mesh.satellite("us", seat)
        pings = us.ping(timeout=10.0)
        for _ in range(7):
            next(pings)
        pings.close()
        found = {frozenset((name.split("::")[0], to.split("::")[0])) for name, to in us.hive_map.graph().edges()}
        assert found == {frozenset(pair) for pair in {**above, "us": seat}.items()}
        assert us.hive_map.graph().parents[seat] == us.peer
        assert all(node.rtt_ms > 0 for node in us.hive_map.nodes.values())


def test_a_cycle_of_hubs_is_a_tree_with_everybody_in_it():
    with Mesh() as mesh:
        for name in "abc":
            mesh.hub(name)
        for lower, upper in ("ab", "bc", "ca"):
            mesh.join(lower, upper)
        us = mesh.satellite("us", "a")
        mesh.satellite("other", "b")
        pings = us.ping(timeout=10.0)
        for _ in range(4):
            next(pings)
        pings.close()
        parents = us.hive_map.graph().parents
    assert set(parents) == {"a", "b", "c", "other::other"}
    assert (parents["a"], parents["other::other"]) == ("us::us", "b")
