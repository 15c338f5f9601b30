"""What satellites meet on hubs of each generation: permissions, wrappers, odd answers; live.json on messages."""

from __future__ import annotations

import threading

import pytest
from crypto_kit import vectors
from link_kit import LONG, Log, satellite
from mesh_kit import ALICE, BOB, QUESTION, SPEAK, T, intercom, ping
from ovos_bus_client.message import Message

from hivemind_sdk import HiveMessageBusClient
from hivemind_sdk.contracts.observations import Dropped, StateChanged
from hivemind_sdk.contracts.status import State
from hivemind_sdk.errors import LinkClosed, NoCommonHandshake, RequestAborted
from hivemind_sdk.messages import BusMessage, HiveMessage
from hivemind_sdk.settings import Credentials
from hivemind_sdk.testing import Hub, HubClient, Mesh

LIVE = {case["id"]: case for case in vectors("live")["cases"]}
FLAGS = {
    T.ESCALATE: {"can_escalate": False},
    T.QUERY: {"can_escalate": False},
    T.PROPAGATE: {"can_propagate": False},
    T.CASCADE: {"can_propagate": False},
    T.BROADCAST: {"admin": False},
}
IGNORED = None
FORBIDDEN = {
    "4.0.0": dict.fromkeys(FLAGS, IGNORED),
    "4.6.1a1": {**dict.fromkeys(FLAGS, IGNORED), T.QUERY: (1005, ""), T.CASCADE: (1005, "")},
    "4.15.0a1": dict.fromkeys(FLAGS, (1000, "")),
    "5.3.10a1": {verb: (4003, f"{verb.name} is not allowed for this client") for verb in FLAGS},
}
"""what the real servers do (tests/interop)"""


def frame(case_id):
    return HiveMessage.from_wire(LIVE[case_id]["input"]["frame"])


def why_closed(log):
    """The cause of the end of a link that does not come back."""
    ended = log.wait(lambda log: [one.after for one in log.of(StateChanged) if one.after.state is State.CLOSED])
    return ended[0].cause


@pytest.fixture
def mesh():
    with Mesh() as mesh:
        yield mesh


# --- permissions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", FLAGS, ids=str)
@pytest.mark.parametrize("version", FORBIDDEN)
def test_a_verb_without_its_permission(version, verb):
    """live-022, live-023"""
    with Mesh(version) as mesh:
        hub, log = mesh.hub("hub"), Log()
        sat = mesh.satellite("sat", "hub", observers=[log], reconnect=False, **FLAGS[verb])
        other = mesh.satellite("other", "hub")
        sat.emit(HiveMessage(verb, QUESTION, target_site_id="hub"))
        hub.wait_for(lambda hub: hub.of_type(verb))
        expected = FORBIDDEN[version][verb]
        if expected is IGNORED:
            sat.emit(QUESTION)  # a later message is answered, and the link is there
            hub.wait_for(lambda hub: hub.of_type(T.BUS))
            assert sat.status.state is State.READY
        else:
            cause = why_closed(log)
            assert isinstance(cause, LinkClosed)
            assert (cause.code, cause.reason) == expected
        other.emit(QUESTION)
        assert other.status.state is State.READY


def test_a_query_that_is_not_permitted_is_told_why(mesh):
    mesh.hub("hub")
    sat = mesh.satellite("sat", "hub", can_escalate=False, reconnect=False)
    with pytest.raises(RequestAborted, match="4003: QUERY is not allowed for this client") as caught:
        sat.query(QUESTION, timeout=LONG)
    assert caught.value.__cause__.code == 4003
    assert "hivemind-core allow-escalate" in caught.value.hint


def test_after_a_refused_verb_the_satellite_comes_back(mesh):
    mesh.hub("hub")
    log = Log()
    sat = mesh.satellite("sat", "hub", can_propagate=False, observers=[log])
    sat.emit(HiveMessage(T.PROPAGATE, SPEAK))
    states = lambda log: [one.after.state for one in log.of(StateChanged)]  # noqa: E731
    log.wait(lambda log: states(log).count(State.READY) == 2)
    backoff = next(one.after for one in log.of(StateChanged) if one.after.state is State.BACKOFF)
    assert backoff.cause.code == 4003


# --- what is passed on ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", FORBIDDEN)
def test_wrappers_are_kept_since_4_15(version):
    with Mesh(version) as mesh:
        mesh.hub("hub")
        admin, log = mesh.satellite("admin", "hub", admin=True, reconnect=False), Log()
        sat = mesh.satellite("sat", "hub", site_id="kitchen")
        for verb in (T.BROADCAST, T.PROPAGATE, T.BUS):
            sat.on_message(verb, log.observe, inline=True)
        bus = HiveMessage(T.BUS, SPEAK, target_site_id="kitchen")
        admin.send(HiveMessage(T.BROADCAST, bus, target_site_id="kitchen"))
        admin.send(HiveMessage(T.PROPAGATE, bus, target_site_id="kitchen"))
        kept = [T.BROADCAST, T.PROPAGATE] if version in ("4.15.0a1", "5.3.10a1") else [T.BUS, T.BUS]
        log.wait(lambda log: [one.msg_type for one in log.events] == kept)
        if kept[0] is T.BROADCAST:
            peer = "HiveMindSatelliteSDK::1::admin::admin"
            routes = [[hop["source"] for hop in one.route] for one in (log.events[1], log.events[1].payload)]
            assert routes == [[peer, "hub"]] * 2


@pytest.mark.parametrize("version", FORBIDDEN)
def test_on_a_hub_that_unwraps_propagate_every_member_speaks_as_the_hub(version):
    """Before 4.15. What helps: taking `can_propagate` away, and `min_protocol=3`, which such hubs do not speak."""
    unwraps = version in ("4.0.0", "4.6.1a1")
    with Mesh(version) as mesh:
        hub, log, heard = mesh.hub("hub"), Log(), Log()
        sat = mesh.satellite("sat", "hub", site_id="kitchen", observers=[log])
        sat.on_bus("door.open", heard.observe, inline=True)
        door = HiveMessage(T.PROPAGATE, BusMessage("door.open"), target_site_id="kitchen")
        mesh.satellite("silenced", "hub", can_propagate=False, reconnect=False).send(door)
        hub.wait_for(lambda hub: hub.of_type(T.PROPAGATE))
        mallory = mesh.satellite("mallory", "hub", reconnect=False)
        mallory.send(door)
        if not unwraps:
            log.wait(lambda log: "untrusted" in [one.reason for one in log.of(Dropped)])
            assert not heard.events
        else:
            assert len(heard.wait(lambda log: log.events)) == 1
            with pytest.raises(NoCommonHandshake):
                mesh.satellite("careful", "hub", min_protocol=3)


def test_4_0_aborts_after_escalate_and_propagate():
    for verb in (T.ESCALATE, T.PROPAGATE):
        with Mesh("4.0.0") as mesh:
            mesh.hub("hub")
            log = Log()
            mesh.satellite("sat", "hub", observers=[log], reconnect=False).emit(HiveMessage(verb, SPEAK))
            assert why_closed(log).code == 1006


def test_pings_arrive_bare_from_hubs_before_5_and_are_put_on_the_map():
    with Mesh("4.6.1a1") as mesh:
        mesh.hub("hub")
        sat = mesh.satellite("sat", "hub")
        mesh.satellite("other", "hub")
        pings = sat.ping(timeout=LONG)
        assert [next(pings).payload["peer"] for _ in range(2)] == ["hub", "other::other"]


def test_nobody_answers_for_a_request_that_was_not_made(mesh):
    mesh.hub("hub")
    mallory, log = mesh.satellite("mallory", "hub"), Log()
    sat = mesh.satellite("sat", "hub")
    sat.on_message(T.CASCADE, log.observe, inline=True)
    named = {"query_id": "invented", "is_response": True, "responder_peer": "hub"}
    mallory.send(HiveMessage(T.CASCADE, SPEAK, metadata=named))
    mallory.send(HiveMessage(T.CASCADE, QUESTION, metadata={"query_id": "real"}))
    request = log.wait(lambda log: log.events)
    assert [one.metadata["query_id"] for one in request] == ["real"]


# --- a binary link to today's server -------------------------------------------------------------------------------


def today(version="5.3.10a1"):
    return Hub([HubClient("k" * 32, "correct-horse-battery-9")], version, binarize=True)


@pytest.mark.parametrize("version", ["4.6.1a1", "4.15.0a1", "5.3.10a1"])
def test_by_default_queries_work_on_a_hub_that_offers_binary_frames(version):
    """Some close a binary link in place of an answer: so links carry text unless the user wants otherwise."""
    with today(version) as hub:
        sat = satellite(hub.connector(), credentials=Credentials("k" * 32, "correct-horse-battery-9"), max_protocol=3)
        with_ping = HiveMessage(T.BINARY, b"audio", bin_type=1)
        try:
            assert sat.connect(LONG * 3).binarize is False
            assert sat.query(QUESTION, timeout=LONG)[0].data["utterance"] == "echo: hello"
            sat.send(with_ping)  # bytes travel all the same
            hub.wait_for(lambda hub: hub.of_type(T.BINARY))
        finally:
            sat.close()


def test_who_insists_on_binary_frames_is_told_why_a_query_failed():
    with today() as hub:
        sat = satellite(
            hub.connector(),
            credentials=Credentials("k" * 32, "correct-horse-battery-9"),
            binarize=True,
            reconnect=False,
        )
        try:
            assert sat.connect(LONG * 3).binarize is True
            with pytest.raises(RequestAborted, match="1011"):
                sat.query(QUESTION, timeout=LONG)
        finally:
            sat.close()


# --- live.json -----------------------------------------------------------------------------------------------------


@pytest.fixture
def link(mesh):
    """A satellite whose hub says what the test wants; -> satellite, its peer on the hub, what is heard, the log."""
    hub, log = mesh.hub("hub"), Log()
    heard = Log()
    sat = mesh.satellite("bob", "hub", keys=BOB, trusted={"alice": ALICE.public}, observers=[log])
    sat.on_bus("*", heard.observe, inline=True)
    yield sat, hub.peers[0], heard, log
    assert sat.status.state is State.READY


def emit_question(sat, peer, found):
    """Ask by hand what this frame answers; nobody else does."""
    peer.hub.router.up = lambda peer, message: None
    sat.emit(HiveMessage(found.msg_type, QUESTION, metadata={"query_id": found.metadata.get("query_id")}))


def test_live_002_the_bus_message_of_a_query_answer_is_heard(link):
    sat, peer, heard, _ = link
    emit_question(sat, peer, frame("live-002"))
    peer.send(frame("live-002"))
    assert heard.wait(lambda heard: heard.events)[0].data == {"utterance": "q1"}


def test_live_003_exactly_one_answer_to_a_cascade_is_heard(link):
    sat, peer, heard, log = link
    sat.cascade_timeout = 0.1
    emit_question(sat, peer, frame("live-003"))
    for _ in range(3):
        peer.send(frame("live-003"))
    assert heard.wait(lambda heard: heard.events)[0].data == {"utterance": "c1"}
    peer.send(frame("live-003"))
    log.wait(lambda log: log.of(Dropped))
    assert len(heard.events) == 1


def test_live_005_an_intercom_for_this_node_is_verified_opened_and_heard(link):
    _, peer, heard, _ = link
    peer.send(intercom())
    assert heard.wait(lambda heard: heard.events)[0].data == SPEAK.data


def test_what_a_satellite_must_not_receive_is_dropped_and_counted(link):
    sat, peer, heard, log = link
    for message in (
        HiveMessage(T.SHARED_BUS, SPEAK),
        HiveMessage(T.ESCALATE, SPEAK),
        HiveMessage(T.BROADCAST, ping(), target_site_id=sat.site_id),
        HiveMessage(T.BINARY, b"x", bin_type=1),
    ):
        peer.send(message)
    peer.send_bus(BusMessage("the.end"))
    heard.wait(lambda heard: heard.events)
    reasons = [one.reason for one in log.of(Dropped)]
    assert reasons == ["illegal", "illegal", "unexpected inner message", "unused binary"]
    assert [one.msg_type for one in heard.events] == ["the.end"]


# --- the client ----------------------------------------------------------------------------------------------------


def test_the_client_has_the_verbs_and_the_reference_s_names(tmp_path):
    from hivemind_sdk import NodeIdentity

    identity = NodeIdentity(str(tmp_path / "_identity.json"))
    with Hub([HubClient("k" * 32, "correct-horse-battery-9")]) as hub:
        options = {"password": "correct-horse-battery-9", "host": "ws://hub", "transport": hub.connector()}
        client = HiveMessageBusClient("k" * 32, identity=identity, **options)
        picked, heard = [], threading.Event()
        client.cascade_select_callback = lambda messages: picked.append(messages) or messages[0]
        client.cascade_timeout = 0.01
        client.on_mycroft("speak", lambda message: heard.set())
        with client:
            assert client.query(QUESTION)[0].data["utterance"] == "echo: hello"
            assert heard.wait(LONG)
            heard.clear()
            answers = list(client.cascade(QUESTION, timeout=LONG, expected=1))
            assert isinstance(answers[0].message, Message)
            assert heard.wait(LONG)
            assert picked[0][0].msg_type is T.CASCADE
            assert next(client.ping(timeout=LONG)).payload["peer"] == hub.node_id
            assert list(client.hive_mapper.nodes) == [hub.node_id]
            assert client.cascade_timeout == 0.01
