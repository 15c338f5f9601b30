"""Somebody between two nodes, or in place of one: whatever is changed or made up, no session comes of it."""

from __future__ import annotations

import copy

import pytest
from crypto_kit import wire
from hypothesis import assume, given
from hypothesis import strategies as st
from noise_kit import HELLO, Closed, connect, declined, hub, offer_of, pinned_pair, run, satellite

from hivemind_sdk.contracts import Established
from hivemind_sdk.errors import AuthenticationRefused, HiveMindError, MalformedFrame, RemoteProtocolError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


def paths(value, path=()):
    """Every place in a JSON value."""
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from paths(inner, (*path, key))


def changed(value, path, how, new):
    value = copy.deepcopy(value)
    *before, last = path
    parent = value
    for key in before:
        parent = parent[key]
    if how == "remove":
        del parent[last]
    elif how == "add" and isinstance(parent, dict):
        parent[str(last) + "+"] = new
    elif how == "add":
        parent.insert(last, new)
    else:
        parent[last] = new
    return value


@given(data=st.data(), pinned=st.booleans())
def test_no_session_comes_up_when_any_value_of_hello_or_offer_is_changed_on_the_way(data, pinned):
    client, server = pinned_pair() if pinned else (satellite(), hub())
    target = data.draw(st.sampled_from(["hello", "offer"]))
    seen = []

    def change(name, payload):
        if name != target:
            return payload
        path = data.draw(st.sampled_from([path for path in paths(payload) if path]))
        new = changed(payload, path, data.draw(st.sampled_from(["remove", "add", "replace"])), data.draw(JSON))
        assume(new != payload or str(new) != str(payload))
        seen.append(new)
        return new

    with pytest.raises((HiveMindError, Closed, AssertionError)) as outcome:
        connect(client, server, change)
    if isinstance(outcome.value, AssertionError):  # Declined: v3 is not what the offer says any more
        assert not pinned
        seen = {"hello": HELLO, "offer": offer_of(server), target: seen[0]}
        assert declined(satellite(), seen["offer"], seen["hello"])


@given(data=st.data(), pinned=st.booleans())
def test_any_handshake_payload_raises_only_our_errors(data, pinned):
    client, server = pinned_pair() if pinned else (satellite(), hub())
    target = data.draw(st.sampled_from(["1", "2"] if pinned else ["1", "2", "3"]))

    def change(name, payload):
        if name != target:
            return payload
        message = payload["noise"]["msg"]
        place = data.draw(st.integers(0, len(message) - 1))
        other = data.draw(
            st.one_of(
                JSON,
                st.binary(max_size=120).map(bytes.hex),
                st.sampled_from("0123456789abcdefg \x00é").map(lambda c: message[:place] + c + message[place + 1 :]),
            )
        )
        assume(not (isinstance(other, str) and other.lower() == message))
        return {"noise": payload["noise"] | {"msg": other}}

    with pytest.raises((HiveMindError, Closed)):
        connect(client, server, change)


def test_somebody_who_answers_in_place_of_the_hub_is_told_from_a_wrong_password():
    client, server = satellite(), hub()

    def flip(name, payload):
        message = payload["noise"]["msg"] if name == "2" else ""
        return {"noise": {"msg": ("0" if message[0] != "0" else "1") + message[1:]}} if message else payload

    with pytest.raises(AuthenticationRefused, match="changed on its way"):
        connect(client, server, flip)


@pytest.mark.parametrize("text", ["zz", "abc", "ab cd", "é", 5, None, "00" * 65536])
def test_malformed_hex_is_a_malformed_payload(text):
    client, server = satellite(), hub()
    with pytest.raises(RemoteProtocolError):
        connect(client, server, lambda name, payload: {"noise": {"msg": text}} if name == "2" else payload)


@pytest.mark.parametrize("hello", [{"node_id": "\ud800"}, {"node_id": "n", "x": float("inf")}])
def test_what_has_no_canonical_form_is_a_malformed_payload(hello):
    client = satellite()
    with pytest.raises(MalformedFrame):
        run(client.handshake.satellite(client.context(hello, wire(offer_of(hub())))))


def test_a_point_of_low_order_gives_no_session():
    client, server = satellite(), hub()
    with pytest.raises(RemoteProtocolError):
        connect(client, server, lambda name, payload: {"noise": {"msg": "00" * 150}} if name == "2" else payload)


def test_the_text_of_no_error_or_record_holds_a_secret():
    client, server = satellite(password="s3cret-password"), hub(password="s3cret-password")
    session, _ = connect(client, server)
    shown = repr(session) + repr(session.info) + repr(client.handshake)
    for secret in ("s3cret", "access-key", client.state.read_secret("noise.key")):
        assert secret not in shown
    assert isinstance(Established(session), Established)
