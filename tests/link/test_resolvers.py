"""Hubs that are given by a name: looked for before each attempt, and dialled early when they show themselves."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace

import pytest
from link_kit import CLIENT, CREDENTIALS, LONG, catalogue

from hivemind_sdk.contracts import Lookup
from hivemind_sdk.contracts.status import State
from hivemind_sdk.errors import PluginMissing, Unreachable
from hivemind_sdk.hooks import ResolverPlugin
from hivemind_sdk.satellite.satellite import Satellite
from hivemind_sdk.settings import Backoff, Endpoint, Settings
from hivemind_sdk.testing import Hub, HubClient, MemoryState

NEVER = Backoff(first=1e8, cap=1e8)
STRANGER = HubClient(CLIENT.key, "another-password-9")


class Directory:
    """A resolver in memory. `found`: what it finds; nothing is Unreachable."""

    def __init__(self):
        self.found, self.lookups = [], queue.SimpleQueue()
        self.watched = queue.SimpleQueue()
        self.watches = 0

    def resolve(self, lookup):
        self.lookups.put(lookup)
        if not self.found:
            raise Unreachable("nobody there")
        return list(self.found)

    def watch(self, endpoint, appeared):
        self.watches += 1
        self.watched.put(appeared)
        return self._unwatch

    def _unwatch(self):
        self.watches -= 1


@pytest.fixture
def directory():
    return Directory()


@pytest.fixture
def run(directory):
    made = []

    def satellite(address="directory://kitchen", state=None, **settings):
        record = ResolverPlugin(name="directory", create=lambda: directory)
        settings = Settings(Endpoint.parse(address), CREDENTIALS, **{"backoff": NEVER, **settings})
        one = Satellite(
            settings, replace(catalogue(), resolvers={"directory": record}), identity=state or MemoryState()
        )
        made.append(one)
        return one

    yield satellite
    for one in made:
        one.close()


@pytest.fixture
def hub():
    with Hub([CLIENT], "5.3.10a1") as hub:
        hub.start()
        yield hub


def where(hub):
    return Endpoint("ws", "127.0.0.1", hub.port)


def test_a_name_is_looked_up_and_the_hubs_key_pinned_under_it(directory, run, hub):
    state = MemoryState()
    directory.found = [where(hub)]
    run(state=state).connect(LONG)
    first = directory.lookups.get(timeout=LONG)
    assert isinstance(first, Lookup)
    assert (first.endpoint.host, first.pinned) == ("kitchen", False)
    assert 0 < first.timeout <= 10
    assert list(state.read("pinned_noise_keys")) == [Endpoint.parse("directory://kitchen").pin_name]
    run(state=state).connect(LONG)
    assert directory.lookups.get(timeout=LONG).pinned


def test_a_hub_that_shows_itself_is_dialled_early_and_then_watched_no_more(directory, run, hub):
    one = run()
    failed = threading.Event()
    one.on_state(lambda status: status.state is State.BACKOFF and failed.set())
    one.start()
    assert failed.wait(LONG)
    appeared = directory.watched.get(timeout=LONG)
    assert directory.lookups.qsize() == 1
    directory.found = [where(hub)]
    appeared()
    assert one.wait_for(State.READY, timeout=LONG).state is State.READY
    assert directory.watches == 0


def test_closing_ends_the_watch_and_the_wait(directory, run):
    one = run()
    one.start()
    directory.watched.get(timeout=LONG)
    one.close(LONG)
    assert directory.watches == 0


def test_a_stranger_that_is_found_first_costs_one_attempt(directory, run, hub):
    with Hub([STRANGER], "5.3.10a1") as stranger:
        stranger.start()
        directory.found = [where(stranger), where(hub)]
        assert run().connect(LONG, retry=True).protocol == 3


def test_the_hub_of_the_last_link_is_dialled_first(directory, run, hub):
    one = run(backoff=Backoff(first=0.01, cap=0.05))
    directory.found = [where(hub)]
    one.connect(LONG)
    states = queue.SimpleQueue()
    one.on_state(lambda status: states.put(status.state))
    directory.found = [Endpoint("ws", "127.0.0.1", 1), where(hub)]
    one.drop()
    while (state := states.get(timeout=LONG)) is not State.READY:
        assert state is not State.REFUSED
    assert directory.lookups.qsize() == 2  # the closed port would have cost a third


def test_when_all_refuse_that_is_final(directory, run):
    with Hub([STRANGER], "5.3.10a1") as stranger:
        stranger.start()
        directory.found = [where(stranger)]
        one = run()
        one.start()
        assert one.wait_for(State.REFUSED, timeout=LONG).state is State.REFUSED


def test_auto_without_a_resolver_says_what_is_missing():
    alone = replace(catalogue(), resolvers={})
    with pytest.raises(PluginMissing, match="resolver 'auto'"):
        Satellite(Settings(Endpoint.parse("auto"), CREDENTIALS), alone, identity=MemoryState())
