"""What the tests of the hive map share: hives as trees, announcements as real hubs pass them on, a clock."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import strategies as st

from hivemind_sdk.messages import HiveMessage, HiveMessageType
from hivemind_sdk.topology import HiveMapper


class Clock:
    def __init__(self, now=100.0):
        self.now = now

    def __call__(self):
        return self.now


def pem(name):
    return f"-----BEGIN PUBLIC KEY-----\n{name * 8}\n-----END PUBLIC KEY-----\n"


def ping(peer, route=(), flood_id="f", **payload):
    """A PING as the handler hands it to the map: hops have their source as target, as on the wire."""
    hops = [{"source": name, "targets": [name]} for name in route]
    return HiveMessage(HiveMessageType.PING, {"flood_id": flood_id, "peer": peer, **payload}, route=hops)


@dataclass
class Hive:
    """A tree of hubs (0 is the top) with satellites; we are satellite `me`. Names and routes are those of v3 hubs."""

    above: list[int]
    """hub -> the hub that it is a satellite of; hub 0 has none"""
    hosts: list[int]
    """satellite -> its hub"""
    me: int = 0
    halves: frozenset[int] = frozenset()
    """relays that answer with the half that is a satellite, under a name with a session"""
    silent: frozenset[int] = frozenset()
    """hubs that do not answer"""

    def hub(self, number):
        return pem(f"hub{number}")

    def satellite(self, number):
        return f"unnamed-node::session-{number}"

    def connection(self, session):
        """How a hub names a connection of this session."""
        return f"agent::{len(session)}::client of {session}::{session}"

    @property
    def root(self):
        return self.satellite(self.me)

    @property
    def top(self):
        return self.hub(self.hosts[self.me])

    def hubs_to_us(self, start):
        """The hubs on the way, from `start` to ours: up to the first one above both, then down."""
        ups, downs = [start], [self.hosts[self.me]]
        while ups[-1]:
            ups.append(self.above[ups[-1]])
        while downs[-1]:
            downs.append(self.above[downs[-1]])
        while len(ups) > 1 and len(downs) > 1 and ups[-2] == downs[-2]:
            ups.pop()
            downs.pop()
        return [*ups, *reversed(downs[:-1])]

    def route(self, start, own=""):
        """As it arrives: a hub adds the connection that a message came up, and itself when it passes it on."""
        way = self.hubs_to_us(start)
        hops = [own, self.hub(start)] if own else []
        for before, hub in pairwise(way):
            if before and self.above[before] == hub:
                hops.append(self.connection(f"uplink-{before}"))
            hops.append(self.hub(hub))
        return hops

    def announced_as(self, hub):
        return f"relay::uplink-{hub}" if hub in self.halves and hub else self.hub(hub)

    def pings(self):
        for hub in range(len(self.above)):
            if hub not in self.silent:
                yield ping(self.announced_as(hub), self.route(hub), public_key=self.hub(hub), site_id=f"site {hub}")
        for number, host in enumerate(self.hosts):
            if number != self.me:
                own = self.connection(f"session-{number}")
                yield ping(self.satellite(number), self.route(host, own), public_key=pem(f"sat{number}"))

    def drawn_as(self, hub):
        """A silent hub is known by its key, from routes."""
        return self.hub(hub) if hub in self.silent else self.announced_as(hub)

    def parents(self):
        """What the map must find."""
        found = {}
        seen = [self.drawn_as(hub) for hub in range(len(self.above))]
        for start in range(len(self.above)):
            way = [seen[hub] for hub in self.hubs_to_us(start)] + [self.root]
            if start not in self.silent or any(self.hubs_to_us(host).count(start) for host in self.witnesses()):
                found[way[0]] = way[1]
        for number, host in enumerate(self.hosts):
            if number != self.me:
                found[self.satellite(number)] = seen[host]
        found[seen[self.hosts[self.me]]] = self.root
        return found

    def witnesses(self):
        """Hubs from which something was announced."""
        answering = [hub for hub in range(len(self.above)) if hub not in self.silent]
        return answering + [host for number, host in enumerate(self.hosts) if number != self.me]

    def mapped(self, pings=None, **options):
        hive_map = HiveMapper(**options)
        hive_map.set_origin(self.root, self.top, self.top)
        for message in self.pings() if pings is None else pings:
            hive_map.on_ping(message)
        return hive_map


@st.composite
def hives(draw, hubs=7, satellites=12):
    above = [0] + [draw(st.integers(0, number)) for number in range(draw(st.integers(0, hubs - 1)))]
    numbers = st.integers(0, len(above) - 1)
    hosts = draw(st.lists(numbers, min_size=1, max_size=satellites))
    me = draw(st.integers(0, len(hosts) - 1))
    return Hive(above, hosts, me, draw(st.frozensets(numbers)), draw(st.frozensets(numbers)))


def large_hive(nodes, hubs, seed=0):
    """A hive of so many nodes, ourselves included."""
    luck = random.Random(seed)
    above = [0] + [luck.randrange(max(1, number // 2)) for number in range(1, hubs)]
    return Hive(above, [luck.randrange(hubs) for _ in range(nodes - hubs)])


def chain(length):
    """Each node knows only the one before it."""
    hive_map = HiveMapper(max_bytes=64 * 1024 * 1024)
    hive_map.set_origin("us::1")
    for number in range(length):
        hive_map.on_ping(ping(f"n{number}", [f"n{number - 1}"] if number else []))
    return hive_map
