"""From what hubs write into routes to the tree that the nodes really form."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from map_kit import Hive, hives, pem, ping

from hivemind_sdk.topology import HiveMapper

PEERS = ["a", "b", "c", "d::1", "e::2", "us::0"]
NAMES = st.sampled_from([*PEERS, "ua::1::d::1", "ua::2::e::2", "ua::0::x::0", pem("a"), pem("b")])


@given(hives(), st.randoms(use_true_random=False))
def test_the_map_is_the_hive_whatever_the_order_in_which_it_answers(hive, luck):
    pings = list(hive.pings())
    luck.shuffle(pings)
    if not pings:
        return
    hive_map = hive.mapped(pings)
    assert hive_map.graph().parents == hive.parents()
    for name in hive_map.graph().nodes:
        path = hive_map.graph().path(name)
        assert path[0] == name
        assert path[-1] == hive.root
        assert [hive.parents()[one] for one in path[:-1]] == path[1:]


@given(hives())
def test_a_node_is_on_the_map_once_though_it_has_several_names(hive):
    hive_map = hive.mapped()
    drawn = [*hive_map.graph().nodes, *hive_map.graph().silent]
    assert not [name for name in drawn if "client of" in name]
    assert len(hive_map.to_ascii().splitlines()) == len(drawn) + 1 or not drawn


@given(st.lists(st.tuples(NAMES, st.lists(NAMES, max_size=6), st.none() | NAMES), min_size=1, max_size=12))
def test_any_routes_with_cycles_loops_and_lies_end_in_a_tree_with_each_node_once(announcements):
    hive_map = HiveMapper()
    hive_map.set_origin("us::0", "a", pem("a"))
    for number, (peer, route, key) in enumerate(announcements):
        hive_map.on_ping(ping(peer, route, flood_id=str(number), public_key=key))
    graph = hive_map.graph()
    assert set(graph.parents) == set(graph.links)
    for name in graph.parents:
        steps = [name]
        while steps[-1] != "us::0":
            steps.append(graph.parents[steps[-1]])
            assert steps.count(steps[-1]) == 1
    for name in graph.nodes:
        path = graph.path(name)
        assert len(set(path)) == len(path)
        assert all(nearer in graph.links[farther] for farther, nearer in pairwise(path))
    assert not [edge for edge in hive_map.to_dict()["edges"] if edge["source"] == edge["target"]]
    lines = hive_map.to_ascii().splitlines()
    assert len(lines) == (len(graph.parents) + 1 if graph.parents else 1)


def test_a_hop_names_the_connection_of_the_node_before_it_and_is_no_node_of_its_own():
    """The routes of wire-v3.md section 8, on a satellite that hangs on the hub at the top."""
    hive = Hive(above=[0, 0], hosts=[0, 1])
    up = [hive.connection("session-1"), hive.hub(1), hive.connection("uplink-1"), hive.hub(0)]
    assert hive.route(1, hive.connection("session-1")) == up
    assert hive.mapped().edges == {
        hive.satellite(1): {hive.hub(1)},
        hive.hub(1): {hive.hub(0)},
        hive.hub(0): {hive.root},
    }


def test_a_hub_that_leaves_itself_out_of_the_route_is_between_us_and_everybody():
    """hivemind-core 4.6: only connections are hops, and `master:0.0.0.0` has no key."""
    hive_map = HiveMapper()
    hive_map.set_origin("us::0", "master:0.0.0.0", pem("hub"))
    hive_map.on_ping(ping("master:0.0.0.0"))
    hive_map.on_ping(ping("kitchen::k", ["ua::2::kitchen::k"]))
    hive_map.on_ping(ping("attic::a"))  # 0.8: a binary frame loses the route
    hive_map.on_ping(ping("wine::w", ["ua::1::wine::w", "ua::3::cellar::c"]))
    assert hive_map.graph().parents == {
        "master:0.0.0.0": "us::0",
        "kitchen::k": "master:0.0.0.0",
        "attic::a": "master:0.0.0.0",
        "wine::w": "ua::3::cellar::c",
        "ua::3::cellar::c": "master:0.0.0.0",
    }


def test_a_relay_that_answers_with_both_halves_is_one_node_named_by_its_key():
    hive_map = HiveMapper()
    hive_map.set_origin("us::0", pem("top"))
    route = ["ua::3::relay::r", pem("top")]
    hive_map.on_ping(ping("relay::r", route, public_key=pem("relay")))
    hive_map.on_ping(ping(pem("relay"), route, public_key=pem("relay")))
    hive_map.on_ping(ping("sat::s", ["ua::1::sat::s", pem("relay"), *route]))
    assert hive_map.graph().parents == {"sat::s": pem("relay"), pem("relay"): pem("top"), pem("top"): "us::0"}
    assert list(hive_map.graph().nodes) == [pem("relay"), "sat::s"]


def test_a_satellite_that_shares_its_key_with_its_hub_stays_a_node_of_its_own():
    hive_map = HiveMapper()
    hive_map.set_origin("us::0", pem("hub"))
    hive_map.on_ping(ping(pem("hub"), public_key=pem("hub")))
    hive_map.on_ping(ping("cli::c", ["ua::1::cli::c", pem("hub")], public_key=pem("hub")))
    assert hive_map.graph().parents == {pem("hub"): "us::0", "cli::c": pem("hub")}


def test_a_connection_that_got_a_suffix_or_has_no_session_yet_still_belongs_to_its_node():
    for own in ("ua::1::sat::s::0123abcd", "ua::1::sat::default"):
        hive_map = HiveMapper()
        hive_map.set_origin("us::0", "hub")
        hive_map.on_ping(ping("sat::s", [own, "hub"]))
        assert hive_map.graph().parents == {"sat::s": "hub", "hub": "us::0"}


def test_a_session_that_two_nodes_have_tells_nothing_of_a_connection_that_neither_announced():
    hive_map = HiveMapper()
    hive_map.set_origin("us::0")
    for peer in ("a::1", "b::1", "c::2"):
        hive_map.on_ping(ping(peer))
    hive_map.on_ping(ping("sat::s", ["ua::7::x::s", "ua::8::x::1", "ua::9::x::2"]))
    assert hive_map.graph().path("sat::s") == ["sat::s", "ua::8::x::1", "c::2", "us::0"]


def test_a_node_that_is_seen_on_two_ways_hangs_where_it_announced_itself_and_the_other_way_is_told():
    hive_map = HiveMapper()
    hive_map.set_origin("us::0", "hub")
    for hub in ("hub", "left", "right"):
        hive_map.on_ping(ping(hub, ["hub"] if hub != "hub" else []))
    hive_map.on_ping(ping("relay", ["left", "hub"]))
    hive_map.on_ping(ping("sat", ["relay", "right", "hub"]))
    assert hive_map.graph().parents["relay"] == "left"
    assert hive_map.edges["relay"] == {"left", "right"}
    assert "relay  also=right" in hive_map.to_ascii()


def test_the_tree_as_text():
    hive_map = HiveMapper(clock=lambda: 10.0)
    hive_map.set_origin("us::0", "hub")
    hive_map.mark_trusted_nodes({"kitchen": pem("k")})
    hive_map.start_ping("f", 9.9877)
    hive_map.on_ping(ping("kitchen::k", ["ua::1::k::k", "relay", "hub"], site_id="kitchen", public_key=pem("k")))
    hive_map.on_ping(ping("hub", site_id="cellar"))
    hive_map.on_ping(ping("attic::a", ["hub"], flood_id="of another"))
    assert hive_map.to_ascii().splitlines() == [
        "[self] us::0",
        "└── hub  site=cellar  latency=12ms",
        "    ├── attic::a",
        "    └── relay  (no answer)",
        "        └── kitchen::k  site=kitchen  latency=12ms  trusted",
    ]


def test_without_a_name_of_our_own_the_tree_begins_with_who_is_next_to_us():
    hive_map = HiveMapper()
    assert hive_map.to_ascii() == "[No nodes discovered]"
    hive_map.on_ping(ping("sat", ["hub"]))
    assert hive_map.to_ascii().splitlines() == ["hub  (no answer)", "└── sat"]
    assert hive_map.to_ascii("me").splitlines() == ["[self] me", "└── hub  (no answer)", "    └── sat"]
    assert hive_map.edges == {"sat": {"hub"}}
    assert hive_map.to_dict()["nodes"][0]["path"] == ["sat", "hub"]


def test_the_object_is_that_of_the_reference_with_paths():
    hive_map = HiveMapper(clock=lambda: 10.0)
    hive_map.set_origin("us::0", "hub")
    hive_map.start_ping("f", 9.5)
    hive_map.on_ping(ping("sat::s", ["ua::1::sat::s", "hub"], site_id="attic", timestamp=5, lang="en-us"), 1000.0)
    assert hive_map.to_dict() == {
        "root": "us::0",
        "nodes": [
            {
                "peer": "sat::s",
                "site_id": "attic",
                "timestamp": 5.0,
                "latency_ms": 500.0,
                "public_key": None,
                "lang": "en-us",
                "trusted": False,
                "rtt_ms": 500.0,
                "path": ["sat::s", "hub", "us::0"],
            }
        ],
        "silent": ["hub"],
        "edges": [{"source": "hub", "target": "us::0"}, {"source": "sat::s", "target": "hub"}],
    }
    assert json.loads(hive_map.to_json()) == hive_map.to_dict()
    assert json.loads(HiveMapper().to_json()) == {"root": None, "nodes": [], "silent": [], "edges": []}
