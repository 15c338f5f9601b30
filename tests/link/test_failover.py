"""Several hubs in order of preference: going on to the next, leaving out who refuses, and going back."""

from __future__ import annotations

import threading

import pytest
from link_kit import AT_ONCE, CLIENT, CREDENTIALS, KEY, LONG, NEVER, Log, Reached, satellite

from hivemind_sdk.contracts.observations import StateChanged
from hivemind_sdk.contracts.status import State
from hivemind_sdk.errors import AuthenticationRefused, LinkError
from hivemind_sdk.settings import Credentials, Endpoint, Failover, Upstream
from hivemind_sdk.testing import Hub, HubClient, MemoryState

HOME, SHED = "memory://home:5678", "memory://shed:5678"
SOON = Failover(return_after=0.01, wait_for_requests=LONG)
STAYS = Failover(return_after=0.0)


class Hosts:
    """A connector that knows hubs by their host; None: nobody listens. `dials` has the hosts and keys, in order."""

    def __init__(self, **hubs):
        self.reached = {host: Reached(hub) for host, hub in hubs.items()}
        self.dials = []

    def connect(self, dial):
        self.dials.append((dial.endpoint.host, dial.credentials.access_key))
        return self.reached[dial.endpoint.host].connect(dial)


def two_hubs(home, shed, *, failover=SOON, shed_credentials=None, **changes):
    hosts = Hosts(home=home, shed=shed)
    fallback = Upstream(Endpoint.parse(SHED), shed_credentials)
    fields = {"endpoint": Endpoint.parse(HOME), "fallbacks": (fallback,), "failover": failover, **changes}
    return hosts, satellite(hosts, **fields)


def ready_at(log):
    """The hubs that the link was READY with, in order."""
    return [event.after.hub for event in log.of(StateChanged) if event.after.state is State.READY]


def test_a_hub_that_is_not_there_is_passed_over_at_once_and_the_status_says_which_one_is_used():
    with Hub([CLIENT]) as shed:
        hosts, sat = two_hubs(None, shed, failover=STAYS)
        sat.connect()
        assert (sat.status.state, sat.status.hub, sat.status.next_try) == (State.READY, SHED, None)
        assert [host for host, _ in hosts.dials] == ["home", "shed"]


def test_connect_fails_only_after_a_round_through_all_hubs():
    hosts, sat = two_hubs(None, None, backoff=NEVER)
    with pytest.raises(LinkError):
        sat.connect()
    assert [host for host, _ in hosts.dials] == ["home", "shed"]
    assert sat.status.state is State.CLOSED


def test_a_lost_link_goes_on_at_the_other_hub_and_back_when_the_better_one_answers():
    with Hub([CLIENT]) as home, Hub([CLIENT]) as shed:
        hosts, sat = two_hubs(home, shed, observers=[log := Log()])
        sat.connect()
        hosts.reached["home"].hub = None
        hosts.reached["home"].connector.links[0].lose()
        log.wait(lambda log: ready_at(log) == [HOME, SHED])
        hosts.reached["home"].hub = home
        log.wait(lambda log: ready_at(log) == [HOME, SHED, HOME])
        assert sat.status.next_try is None
        assert [reply.msg_type for reply in sat.ask("hi")] == ["speak"]


def test_probes_that_find_nobody_or_fail_in_an_odd_way_leave_the_link_in_use_as_it_is():
    with Hub([CLIENT]) as shed:
        hosts, sat = two_hubs(None, shed, observers=[log := Log()])
        sat.connect()
        probed = threading.Event()
        connect = hosts.connect

        def counting(dial):
            if len(hosts.dials) > 5:
                probed.set()
            if len(hosts.dials) % 2:
                hosts.dials.append(("home", ""))
                raise RuntimeError("a transport that breaks its contract")
            return connect(dial)

        hosts.connect = counting
        assert probed.wait(LONG)
        assert [reply.msg_type for reply in sat.ask("hi")] == ["speak"]
        assert ready_at(log) == [SHED]
        assert {host for host, _ in hosts.dials[2:]} == {"home"}


def test_a_request_that_waits_is_answered_before_the_satellite_goes_back():
    probed = threading.Event()

    class Probed(Reached):
        def _serve(self, *link):
            super()._serve(*link)
            if self.hub is not None:
                probed.set()

    with Hub([CLIENT]) as home, Hub([CLIENT]) as shed:
        hosts, sat = two_hubs(None, shed, observers=[log := Log()])
        sat.connect()
        replies = sat.ask("!silence")
        hosts.reached["home"] = Probed(home)
        assert probed.wait(LONG)
        assert sat.status.hub == SHED
        replies.close()
        log.wait(lambda log: ready_at(log) == [SHED, HOME])


def test_patience_with_requests_is_bounded():
    with Hub([CLIENT]) as home, Hub([CLIENT]) as shed:
        hosts, sat = two_hubs(
            None, shed, failover=Failover(return_after=0.01, wait_for_requests=0.0), observers=[log := Log()]
        )
        sat.connect()
        replies = sat.ask("!silence")
        hosts.reached["home"].hub = home
        log.wait(lambda log: ready_at(log) == [SHED, HOME])
        with pytest.raises(Exception, match="lost"):
            next(replies)


def test_a_hub_that_refuses_is_left_out_but_not_one_that_has_accepted_us():
    stranger = HubClient("x" * 32, CLIENT.password)
    with Hub([stranger], "5.3.10a1") as home, Hub([CLIENT], "5.3.10a1") as shed:
        hosts, sat = two_hubs(home, shed, observers=[log := Log()])
        sat.connect()
        assert (sat.status.hub, sat.status.next_try) == (SHED, None), "a refusal is not probed"
        hosts.reached["shed"].hub = None
        hosts.reached["shed"].connector.links[0].lose()
        log.wait(lambda log: len(hosts.dials) >= 5)
        assert [host for host, _ in hosts.dials[1:]].count("home") == 0
        hosts.reached["shed"].hub = home
        log.wait(lambda log: [one.after for one in log.of(StateChanged) if is_refused(one.after, SHED)])
        hosts.reached["shed"].hub = shed
        log.wait(lambda log: ready_at(log) == [SHED, SHED])


def test_the_last_of_several_hubs_that_refuses_is_final():
    stranger = HubClient("x" * 32, CLIENT.password)
    with Hub([stranger], "5.3.10a1") as home, Hub([stranger], "5.3.10a1") as shed:
        _, sat = two_hubs(home, shed)
        with pytest.raises(AuthenticationRefused):
            sat.connect(retry=True)
        assert sat.status.state is State.REFUSED


def is_refused(status, hub):
    return status.state is State.BACKOFF and isinstance(status.cause, AuthenticationRefused) and status.hub == hub


def test_a_refusal_is_tried_again_where_the_user_asks_for_it():
    home = Hub([HubClient("x" * 32, CLIENT.password)], "5.3.10a1")
    with home:
        hosts = Hosts(home=home)
        sat = satellite(hosts, endpoint=Endpoint.parse(HOME), retry_refused=True, backoff=AT_ONCE)
        with pytest.raises(AuthenticationRefused):
            sat.connect()
        home.add(CLIENT)
        sat.connect(LONG, retry=True)
        sat.close()


def test_each_hub_has_its_own_credentials_and_pins():
    other = HubClient("o" * 32, "another-horse-battery-9")
    state = MemoryState()
    with Hub([CLIENT], "5.3.10a1") as home, Hub([other], "5.3.10a1") as shed:
        theirs = Credentials(other.key, other.password)
        hosts, sat = two_hubs(home, shed, failover=STAYS, shed_credentials=theirs, identity=state)
        sat.connect()
        hosts.reached["home"].hub = None
        hosts.reached["home"].connector.links[0].lose()
        shed.wait_for(lambda hub: hub.peers, LONG)
        assert hosts.dials == [("home", CREDENTIALS.access_key), ("shed", other.key)]
        assert sat.wait_for(State.READY, timeout=LONG).hub == SHED
        assert set(state.read("pinned_noise_keys")) == {"home:5678", "shed:5678"}
        text = f"{sat.settings!r} {sat.status!r}"
        assert all(secret not in text for secret in (KEY, other.key, other.password))


def test_closing_while_a_probe_hangs_ends_it():
    probing, let_go = threading.Event(), threading.Event()

    class Hangs(Reached):
        def _serve(self, *link):
            probing.set()
            let_go.wait(LONG)

    with Hub([CLIENT]) as shed:
        hosts, sat = two_hubs(None, shed)
        sat.connect()
        hosts.reached["home"] = Hangs()
        assert probing.wait(LONG)
        sat.close()
        let_go.set()
        assert sat.status.state is State.CLOSED
