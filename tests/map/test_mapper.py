"""What the map keeps, for how long, and what it makes of nonsense."""

from __future__ import annotations

import inspect
import sys
import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from map_kit import Clock, chain, large_hive, pem, ping

from hivemind_sdk.messages import HiveMessage
from hivemind_sdk.topology import FloodIdCache, HiveMapper, NodeInfo, display_peer

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(), some, max_size=3),
    max_leaves=4,
)


def calls(work):
    """How many functions are called: work that does not depend on a busy machine."""
    count = 0

    def note(frame, event, arg):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def deepest(work):
    """How deep functions call each other."""
    depth = most = 0

    def note(frame, event, arg):
        nonlocal depth, most
        depth += {"call": 1, "return": -1}.get(event, 0)
        most = max(most, depth)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return most


# --- floods --------------------------------------------------------------------------------------------------------


def test_an_answer_counts_once_in_each_flood_though_floods_come_at_once():
    hive_map = HiveMapper()
    told = [hive_map.on_ping(ping("a", flood_id=flood)) for flood in ("f", "g", "f", "g", "h")]
    assert told == [True, True, False, False, True]
    hive_map.start_ping("f")
    assert hive_map.on_ping(ping("a"))


def test_our_own_announcement_is_none():
    hive_map = HiveMapper()
    hive_map.set_origin("us::0")
    assert not hive_map.on_ping(ping("us::0"))
    assert hive_map.nodes == {}


def test_the_round_trip_is_from_our_flood_to_its_answer_whatever_clocks_say():
    clock = Clock(50.0)
    hive_map = HiveMapper(clock=clock)
    hive_map.start_ping("f", 50.0)
    clock.now = 50.25
    hive_map.on_ping(ping("a", timestamp=4e9), received_at=1.0)
    node = hive_map.nodes["a"]
    assert (node.rtt_ms, node.latency_ms, node.timestamp, node.received_at) == (250.0, 250.0, 4e9, 1.0)


def test_the_flood_of_another_has_no_round_trip_and_leaves_the_one_that_is_known():
    clock = Clock()
    hive_map = HiveMapper(clock=clock)
    hive_map.on_ping(ping("a", flood_id="theirs"))
    assert hive_map.nodes["a"].rtt_ms is None
    hive_map.start_ping("ours")
    clock.now += 0.5
    hive_map.on_ping(ping("a", flood_id="ours"))
    clock.now += 60
    hive_map.on_ping(ping("a", flood_id="theirs again", site_id="attic"))
    assert hive_map.nodes["a"].rtt_ms == 500.0
    assert hive_map.nodes["a"].site_id == "attic"


def test_a_flood_id_is_seen_once_and_what_is_none_always():
    hive_map = HiveMapper()
    assert [hive_map.check_flood_id(one) for one in ("f", "f", "g", "", "x" * 5000)] == [False, True, False, True, True]
    assert FloodIdCache().check(None)


def test_the_oldest_flood_ids_are_forgotten_first():
    seen = FloodIdCache(max_size=3)
    for one in "abcda":
        seen.check(one)
    assert list(seen) == ["c", "d", "a"]
    assert "b" not in seen
    seen.discard("c")
    assert seen | {"x"} == {"d", "a", "x"}


def test_for_one_id_exactly_one_of_many_threads_is_first():
    seen, start = FloodIdCache(), threading.Barrier(8)
    firsts = []

    def ask():
        start.wait()
        firsts.extend(one for one in range(200) if not seen.check(str(one)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(firsts) == list(range(200))


# --- age and size --------------------------------------------------------------------------------------------------


def test_a_node_that_no_flood_reaches_is_forgotten_and_with_it_its_edges():
    clock = Clock()
    hive_map = HiveMapper(node_ttl=600.0, clock=clock)
    hive_map.on_ping(ping("kept", ["hub"]))
    hive_map.on_ping(ping("old", ["hub"]))
    clock.now += 400
    hive_map.on_ping(ping("kept", ["hub"], flood_id="g"))
    clock.now += 300
    assert list(hive_map.nodes) == ["kept"]
    assert hive_map.edges == {"kept": {"hub"}}
    clock.now += 400
    assert hive_map.to_ascii() == "[No nodes discovered]"


def test_nodes_can_be_pruned_by_the_time_at_which_they_were_received():
    hive_map = HiveMapper(node_ttl=600.0)
    for peer, received_at in (("a", 1000.0), ("b", 1500.0)):
        hive_map.on_ping(ping(peer), received_at)
    hive_map.prune_stale_nodes(now=1700.0)
    assert list(hive_map.nodes) == ["b"]
    hive_map.prune_stale_nodes()
    assert list(hive_map.nodes) == ["b"]


def test_a_new_node_costs_the_same_however_many_there_are():
    def cost(nodes):
        hive_map = large_hive(nodes, 10).mapped()
        return calls(lambda: hive_map.on_ping(ping("one more", ["hub"])))

    assert cost(2000) <= cost(30) + 2


def test_map_tree_and_object_take_work_in_proportion_to_the_nodes():
    def cost(nodes):
        hive = large_hive(nodes, 25)
        pings = list(hive.pings())
        hive_map = hive.mapped([])
        return (
            calls(lambda: [hive_map.on_ping(one) for one in pings]),
            calls(hive_map.to_ascii),
            calls(hive_map.to_json),
        )

    for small, large in zip(cost(500), cost(4000), strict=True):
        assert large <= 8.5 * small


def test_a_chain_of_10000_nodes_needs_neither_recursion_nor_a_text_of_its_square():
    hive_map = chain(10_000)
    assert deepest(hive_map.to_ascii) < 20
    text = hive_map.to_ascii()
    assert text.count("\n") == 10_000
    assert len(text) < 10_000 * 300
    assert "(level 9999) └── n9999" in text


def test_many_floods_and_nodes_are_bounded_in_memory(monkeypatch):
    monkeypatch.setattr("hivemind_sdk.topology.mapper.MAX_SEEN", 2_000)
    hive_map = HiveMapper(max_seen_pings=100, max_bytes=1_000_000)
    tracemalloc.start()
    try:
        for number in range(20_000):
            name = f"{number:2000}"
            hive_map.start_ping(f"flood {number}")
            hive_map.on_ping(ping(name, [name + "r"], flood_id=str(number // 5), public_key=name))
            hive_map.check_flood_id(name)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 100 < len(hive_map.nodes) < 200
    assert list(hive_map.nodes)[-1] == name
    assert held < 8_000_000  # a thousand flood ids of 2,000 characters, and a million characters of nodes


def test_clear_forgets_nodes_and_floods():
    hive_map = large_hive(30, 3).mapped()
    hive_map.check_flood_id("f")
    hive_map.clear()
    assert (hive_map.nodes, hive_map.edges) == ({}, {})
    assert hive_map.on_ping(ping("a"))
    assert not hive_map.check_flood_id("f")


# --- trust ---------------------------------------------------------------------------------------------------------


def test_nodes_that_claim_a_trusted_key_are_marked_those_that_come_later_too():
    hive_map = HiveMapper()
    hive_map.on_ping(ping("a", public_key=pem("a").replace("\n", "\r\n")))
    hive_map.on_ping(ping("b", public_key=pem("b")))
    hive_map.mark_trusted_nodes({"alice": pem("a"), "carol": pem("c")})
    hive_map.on_ping(ping("c", public_key=pem("c")))
    assert [hive_map.is_peer_trusted(one) for one in ("a", "b", "c", "nobody")] == [True, False, True, False]
    hive_map.mark_trusted_nodes({})
    assert not hive_map.is_peer_trusted("a")


# --- nonsense ------------------------------------------------------------------------------------------------------


@given(JUNK, JUNK, JUNK, JUNK, JUNK, st.lists(JUNK, max_size=4))
def test_whatever_comes_in_the_map_holds_only_what_it_can_show(flood_id, peer, site, key, stamp, hops):
    payload = {"flood_id": flood_id, "peer": peer, "site_id": site, "public_key": key, "timestamp": stamp, "lang": site}
    hive_map = HiveMapper()
    hive_map.on_ping(HiveMessage("ping", payload, route=[{"source": hop} for hop in hops]))
    hive_map.on_ping(ping(peer if isinstance(peer, str) else "p", ["h"], site_id=site, timestamp=stamp))
    text = hive_map.to_ascii()
    assert all(line.isprintable() for line in text.splitlines())
    assert len(text.splitlines()) == text.count("\n") + 1
    hive_map.to_json().encode()


def test_megabytes_are_no_name():
    hive_map, much = HiveMapper(), "x" * 10_000_000
    assert not hive_map.on_ping(ping(much))
    assert not hive_map.on_ping(ping("a", flood_id=much))
    hive_map.on_ping(ping("a", [much, "hub"], site_id=much, public_key=much, lang=much))
    assert hive_map.nodes["a"].route == ("hub",)
    assert len(hive_map.to_json()) < 1000


def test_only_pings_are_looked_at():
    hive_map = HiveMapper()
    assert not hive_map.on_ping(HiveMessage("bus", {"type": "x", "data": {}, "context": {}}))
    assert not hive_map.on_ping(HiveMessage("propagate", ping("a")))
    assert not hive_map.on_ping(HiveMessage("ping", {}))


def test_names_are_shown_short_and_harmless():
    assert display_peer("kitchen::1") == "kitchen::1"
    assert display_peer("-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----") == "key:aa96bb5174dc"
    assert display_peer("a\x1b[2J\nb\u202ec") == "a?[2J?b?c"
    assert len(display_peer("x" * 2000)) == 120


# --- threads -------------------------------------------------------------------------------------------------------


def test_with_a_lock_it_can_be_read_while_it_is_written():
    hive = large_hive(1500, 20)
    hive_map, failed = hive.mapped([], lock=threading.Lock()), []
    done = threading.Event()

    def read():
        try:
            while not done.is_set():
                for node in hive_map.nodes.values():
                    assert isinstance(node, NodeInfo)
                hive_map.to_ascii()
                hive_map.to_dict()
                hive_map.mark_trusted_nodes({"a": pem("sat3")})
        except BaseException as error:
            failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number, message in enumerate(hive.pings()):
        hive_map.on_ping(message)
        if number % 500 == 0:
            hive_map.clear()
    done.set()
    reader.join()
    assert failed == []


# --- the reference's names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thing", "parameters"),
    [
        (HiveMapper, {"max_seen_pings": 1000, "node_ttl": 600.0}),
        (HiveMapper.start_ping, {"flood_id": ...}),
        (HiveMapper.on_ping, {"message": ..., "received_at": None}),
        (HiveMapper.mark_trusted_nodes, {"trusted_keys": ...}),
        (HiveMapper.is_peer_trusted, {"peer": ...}),
        (HiveMapper.prune_stale_nodes, {"now": None}),
        (HiveMapper.to_dict, {}),
        (HiveMapper.to_json, {}),
        (HiveMapper.to_ascii, {"root_peer": None}),
        (HiveMapper.check_flood_id, {"flood_id": ..., "max_size": 1000}),
        (HiveMapper.clear, {}),
        (FloodIdCache, {"max_size": 1000}),
        (FloodIdCache.check, {"flood_id": ..., "max_size": None}),
        (FloodIdCache.add, {"flood_id": ...}),
        (FloodIdCache.discard, {"flood_id": ...}),
        (display_peer, {"peer": ...}),
        (
            NodeInfo,
            {"peer": ...}
            | dict.fromkeys(("site_id", "timestamp", "received_at", "public_key", "lang"))
            | {"trusted": False},
        ),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_the_reference_s_arguments_are_taken_in_its_order(thing, parameters):
    """hivemind_bus_client.hive_map of 0.8.0a1 and 1.2.12a1; more may follow."""
    ours = [one for one in inspect.signature(thing).parameters.values() if one.name != "self"]
    empty = inspect.Parameter.empty
    theirs = [(name, empty if default is ... else default) for name, default in parameters.items()]
    assert [(one.name, one.default) for one in ours[: len(theirs)]] == theirs
    assert all(one.default is not empty for one in ours[len(theirs) :])
