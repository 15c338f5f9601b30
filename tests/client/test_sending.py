"""What goes out: the context that hubs need, the caller's objects as they were, OVOS' objects as OVOS writes them."""

from __future__ import annotations

import copy
from datetime import datetime

import pytest
from client_kit import SOON, Heard, sent, sync
from hypothesis import given
from hypothesis import strategies as st
from ovos_bus_client.message import Message
from ovos_bus_client.session import Session

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType
from hivemind_sdk.errors import LocalProtocolError, MalformedMessage, NotConnected, NotEncodable
from hivemind_sdk.satellite.local_node import complete
from hivemind_sdk.satellite.message_context import HubSession, plain


@pytest.mark.parametrize("verb", ["emit", "emit_mycroft"])
def test_what_is_missing_in_the_context_is_filled_in(client, hub, verb):
    getattr(client, verb)(Message("x"))
    context = sent(hub)[0].payload.context
    session = {"session_id": client.session_id, "site_id": "unknown"}
    assert context == {
        "source": client.useragent,
        "platform": client.useragent,
        "destination": "HiveMind",
        "session": session,
    }


def test_what_the_caller_says_wins_its_session_too(client, hub):
    session = {"session_id": "mine", "lang": "pt"}
    context = {"source": "me", "platform": "p", "destination": ["a", "b"], "session": session}
    client.emit(Message("x", {"n": 1}, context))
    assert sent(hub)[0].payload.context == {
        **context,
        "session": {"session_id": "mine", "lang": "pt", "site_id": "unknown"},
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON), st.dictionaries(st.text(), JSON))
def test_completing_never_changes_what_the_caller_holds(data, context):
    message = Message("x", data, context)
    before = copy.deepcopy((message.data, message.context))
    done = complete(BusMessage.of(message), "ua", "s", "site")
    assert (message.data, message.context) == before
    assert done.data is message.data
    session = context.get("session")
    given_id = session.get("session_id") if isinstance(session, dict) else None
    assert done.context["session"]["session_id"] == (given_id or "s")
    assert done.context["session"]["site_id"]  # never null: hubs call that malformed


def test_emit_leaves_messages_and_what_is_in_them_alone(client, hub):
    message = Message("x", {"list": [1]}, {"session": {}})
    hive = HiveMessage(HiveMessageType.BUS, Message("y", {}, {"session": {"a": 1}}), metadata={"m": 1})
    before = copy.deepcopy((message.data, message.context)), hive.serialize()
    client.emit(message)
    client.emit(hive)
    sent(hub, count=2)
    assert ((message.data, message.context), hive.serialize()) == before


def test_a_site_id_is_never_null_and_the_given_one_counts(hub, connect):
    client = connect(hub, up=False)
    client.connect(site_id="kitchen")
    client.emit(Message("x", {}, {"session": {"site_id": None}}))
    assert sent(hub)[0].payload.context["session"]["site_id"] == "kitchen"
    assert hub.peers[0].site_id == "kitchen"
    assert client.identity.site_id is None


def test_the_hub_can_not_move_us_to_another_site(client, peer):
    heard = Heard()
    client.on("speak", heard)
    for session_id in (client.session_id, "other"):
        peer.send_bus(BusMessage("speak", {}, {"session": {"session_id": session_id, "site_id": "elsewhere"}}))
    ours, other = (message.context["session"]["site_id"] for message in heard.wait(2))
    assert (ours, other) == ("unknown", "elsewhere")
    assert client.site_id == "unknown"


def test_objects_that_can_be_serialized_are_sent_as_ovos_writes_them(client, hub):
    session = Session("from-an-object")
    message = Message("x", {"who": [session], "inner": Message("y", {"n": 1})}, {"session": session})
    own_copy = Message("x", {"who": [session], "inner": Message("y", {"n": 1})}, {"session": session})
    expected = Message.deserialize(own_copy.serialize())  # 1.5 writes into what it serializes
    client.emit(message)
    client.emit(HiveMessage(HiveMessageType.BUS, Message("x", {"tuple": (1, session)})))
    client.emit(HiveMessage(HiveMessageType.PROPAGATE, Message("x", {"session": session})))
    first, second = (one.payload for one in sent(hub, count=2))
    assert message.data["who"][0] is session
    assert first.data == {"who": [expected.data["who"][0]], "inner": expected.data["inner"]}
    assert first.context["session"]["session_id"] == "from-an-object"
    assert {**expected.context["session"], "site_id": "unknown"} == first.context["session"]
    assert second.data["tuple"][1] == session.serialize()
    assert sent(hub, HiveMessageType.PROPAGATE)[0].payload.payload.data == {"session": session.serialize()}


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), {1, 2}, object(), float("nan")])  # noqa: DTZ001
def test_what_json_can_not_hold_is_an_error_before_anything_is_sent(client, hub, peer, value):
    with pytest.raises(NotEncodable):
        client.emit(Message("x", {"value": value}))
    circle: dict = {}
    circle["again"] = circle
    with pytest.raises(NotEncodable):
        client.emit(Message("x", circle))
    sync(client, peer)
    assert hub.of_type(HiveMessageType.BUS) == []


class Grumpy:
    def serialize(self):
        raise RuntimeError("no")


def test_an_object_whose_serialize_fails_is_as_bad_as_one_without(client):
    with pytest.raises(NotEncodable):
        client.emit(Message("x", {"value": Grumpy()}))
    assert plain({"value": (1, [Session("a")])})["value"][1][0]["session_id"] == "a"


@pytest.mark.parametrize("message", [None, "text", {"type": "x"}, 7])
def test_what_is_no_message_is_refused_with_a_hint(client, message):
    with pytest.raises(MalformedMessage) as error:
        client.emit(message)
    assert error.value.hint


def test_a_bus_payload_of_the_callers_that_is_none_is_our_own_error(client):
    with pytest.raises(LocalProtocolError):
        client.emit(HiveMessage(HiveMessageType.BUS, {"no": "type"}))


def test_a_routing_verb_around_a_bare_bus_message_is_wrapped(client, hub):
    client.emit(HiveMessage(HiveMessageType.ESCALATE, Message("x", {"n": 1})))
    message = sent(hub, HiveMessageType.ESCALATE)[0]
    assert message.payload.msg_type is HiveMessageType.BUS
    assert message.payload.payload.data == {"n": 1}


def test_the_binary_sub_type_may_be_on_the_message_or_beside_it(client, hub):
    answers = Heard()
    client.on("got.binary", answers)
    audio = HiveMessage(HiveMessageType.BINARY, b"\0" * 9, bin_type=HiveMindBinaryPayloadType.RAW_AUDIO)
    bare = HiveMessage(HiveMessageType.BINARY, b"")
    client.emit(audio)
    client.emit(bare, HiveMindBinaryPayloadType.FILE)
    client.emit(bare, binary_type=HiveMindBinaryPayloadType.STT_AUDIO_HANDLE)
    assert [message.data for message in answers.wait(3)] == [
        {"sub": 1, "size": 9},
        {"sub": 3, "size": 0},
        {"sub": 5, "size": 0},
    ]
    assert bare.bin_type is HiveMindBinaryPayloadType.UNDEFINED


def test_emit_without_a_link_raises_at_once(hub, connect):
    client = connect(hub, up=False)
    heard = Heard()
    client.on("x", heard)
    for _ in range(2):
        with pytest.raises(NotConnected) as error:
            client.emit(Message("x"))
        assert error.value.hint
    client.connect()
    client.close()
    with pytest.raises(NotConnected):
        client.emit(Message("x"))
    assert heard == []  # what was not sent was not heard


def test_emits_from_many_threads_all_arrive(client, hub):
    import threading

    def emit(thread):
        for n in range(25):
            client.emit(Message("x", {"n": (thread, n)}))

    threads = [threading.Thread(target=emit, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    found = [tuple(message.payload.data["n"]) for message in sent(hub, count=200)]
    assert sorted(found) == [(thread, n) for thread in range(8) for n in range(25)]
    for thread in range(8):
        assert [n for one, n in found if one == thread] == list(range(25))


def test_the_state_of_a_conversation_goes_back_to_the_hub(client, hub, peer):
    state = {"active_handlers": ["a"], "intent_context": {"x": 1}, "response_mode": {"skill": "s", "expires_at": 9e12}}
    foreign = {"session_id": "other", "active_handlers": ["b"]}
    peer.send_bus(BusMessage("speak", {}, {"session": {"session_id": client.session_id, "pipeline": ["p"], **state}}))
    peer.send_bus(BusMessage("speak", {}, {"session": foreign}))
    sync(client, peer)
    client.emit(Message("x"))
    client.emit(Message("x", {}, {"session": {"lang": "pt"}}))
    own = {"session_id": client.session_id, "site_id": "unknown"}
    first, second = (message.payload.context["session"] for message in sent(hub, count=2))
    assert first == {**state, **own}
    assert second == {"lang": "pt", **own}
    assert client.hub_session == state


def test_a_response_mode_whose_time_is_over_is_forgotten():
    now = [100.0]
    session = HubSession(lambda: now[0])
    state = {"session_id": "s", "response_mode": {"expires_at": 101.0}, "active_handlers": []}
    session.remember(state)
    assert "response_mode" in session.state()
    now[0] = 101.0
    assert session.state() == {"active_handlers": []}
