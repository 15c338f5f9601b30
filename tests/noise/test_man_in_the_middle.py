"""Somebody between satellite and hub, on real links: whatever is changed in HELLO or offer, no v3 session comes up."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from noise_links import (
    ADDRESS,
    CREDENTIALS,
    SOON,
    STRIPPED,
    Between,
    Payloads,
    catalogue,
    copy_of,
    join,
    make_hub,
    make_satellite,
    untouched,
)

from hivemind_sdk.contracts import SessionInfo, TransportConnector
from hivemind_sdk.contracts.observations import Warned
from hivemind_sdk.errors import AuthenticationRefused, HiveMindError, NoCommonHandshake, SettingsError
from hivemind_sdk.plugins.crypto_suite import CryptoSuite
from hivemind_sdk.plugins.instances import Instances
from hivemind_sdk.settings import Credentials, Deadlines
from hivemind_sdk.testing import MemoryConnector, MemoryState
from hivemind_sdk.testing.listener import Listener

NEWEST, TRANSITION = "5.3.10a1", "4.15.0a1"
PASSED_OVER = "protocol v3 would have been possible here"
# --- every change there is ------------------------------------------------------------------------------------------


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, itself included."""
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from places(inner, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def removed(payload: Any, path: tuple[Any, ...]) -> Any:
    payload = copy.deepcopy(payload)
    del at(payload, path[:-1])[path[-1]]
    return payload


def replaced(payload: Any, path: tuple[Any, ...], new: Any) -> Any:
    payload = copy.deepcopy(payload)
    at(payload, path[:-1])[path[-1]] = new
    return payload


def added(payload: Any, path: tuple[Any, ...], new: Any = "JSON-HEX") -> Any:
    payload = copy.deepcopy(payload)
    place = at(payload, path)
    if isinstance(place, dict):
        place["more"] = new
    else:
        place.insert(0, new)
    return payload


ANOTHER: dict[type, Callable[[Any], list[Any]]] = {
    bool: lambda old: [not old, int(old), None],
    int: lambda old: [old + 1, old - 1, float(old), str(old)],
    str: lambda old: [old + "x", old[:-1], old.upper() if old.upper() != old else old.lower(), "", 0, [old]],
    list: lambda old: [[], [*old, *old], old[::-1], {}, "x"],
    dict: lambda old: [{}, [], None, {**old, "patterns": ["XXpsk2"], "suites": []}],
}
"""type -> other values to put in the place of one of it"""


def every_change(sent: Payloads) -> Iterator[tuple[str, str, Any]]:
    """What is done, to which payload, what it becomes: each value removed, replaced, one added where there are some."""
    for name, payload in sent.items():
        for path in places(payload):
            old = at(payload, path)
            if path:
                yield f"{name}{list(path)} removed", name, removed(payload, path)
                for new in ANOTHER[type(old)](old):
                    if json.dumps(new) != json.dumps(old):
                        yield f"{name}{list(path)} = {json.dumps(new)[:60]}", name, replaced(payload, path, new)
            if isinstance(old, (dict, list)):
                yield f"{name}{list(path)} + one", name, added(payload, path)


class Warnings(list[str]):
    """An observer of warnings."""

    def observe(self, event: object) -> None:
        if isinstance(event, Warned):
            self.append(event.text)


def outcome(
    connector: TransportConnector | None, state: MemoryState, url: str = ADDRESS, **settings: Any
) -> tuple[SessionInfo | HiveMindError, Warnings]:
    """What comes of one attempt, which leaves no trace in `state`."""
    warnings = Warnings()
    one = make_satellite(connector, copy_of(state), url=url, observers=[warnings], **settings)
    try:
        return one.connect(timeout=SOON), warnings
    except HiveMindError as error:
        return error, warnings
    finally:
        one.close()


def harmless(result: SessionInfo | HiveMindError, warnings: Warnings, *, password_allowed: bool) -> str:
    """What is wrong with what came of a changed HELLO or offer, or ""."""
    if isinstance(result, SessionInfo):
        if result.protocol == 3:
            return "a v3 session came up"
        if not password_allowed or result.handshake != "password":
            return f"a session came up by {result.handshake}"
        if not any(PASSED_OVER in text for text in result.warnings) or list(result.warnings) != warnings:
            return f"nobody was told: {result.warnings} {warnings}"
        return ""
    return "" if str(result) and result.hint else f"nothing readable: {result!r}"


def between_on_loopback(stack: ExitStack, profile: str) -> tuple[Between, str]:
    """A hub and somebody in front of it, both behind real websockets. -> (the latter, its address)"""
    from hivemind_websocket import WebSocketConnector

    hub = stack.enter_context(make_hub(profile).start())
    between = Between(WebSocketConnector(), f"ws://127.0.0.1:{hub.port}")
    listener = Listener(between)
    listener.start()
    stack.callback(listener.stop)
    return between, f"ws://127.0.0.1:{listener.port}"


@pytest.mark.parametrize("pinned", [False, True], ids=["stranger", "pinned"])
@pytest.mark.parametrize("profile", [NEWEST, TRANSITION])
def test_whatever_is_changed_removed_or_added_on_loopback_no_v3_session_comes_up_and_the_user_is_told(profile, pinned):
    with ExitStack() as stack:
        between, url = between_on_loopback(stack, profile)
        state = MemoryState()
        for expected in ("XXpsk2", "KKpsk0"):  # nobody does anything: it works
            one = make_satellite(None, state, url=url)
            assert one.connect(timeout=SOON).pattern == expected
            one.close()
        if not pinned:
            state.write("pinned_noise_keys", None)
        by_password, tried, allowed = 0, 0, profile == TRANSITION and not pinned
        for what, target, payload in every_change(between.sent):
            between.change = lambda name, old, target=target, payload=payload: payload if name == target else old
            result, warnings = outcome(None, state, url)
            assert not harmless(result, warnings, password_allowed=allowed), f"{what}: {result!r}"
            tried += 1
            by_password += isinstance(result, SessionInfo)
        who = "pinned" if pinned else "first contact"
        print(f"{profile}, {who}: {tried} changes, {between.links} links, no v3 session, by password: {by_password}")
        assert tried > 80
        assert bool(by_password) == allowed


# --- any values -----------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module", params=[NEWEST, TRANSITION])
def met(request: pytest.FixtureRequest) -> Iterator[tuple[str, Between, MemoryConnector, MemoryState]]:
    """A hub, somebody in front of it, and what a satellite that has met the hub remembers."""
    with make_hub(request.param) as hub:
        between = Between(hub.connector())
        state = MemoryState()
        join(hub, state)
        connector = MemoryConnector(between)
        result, _ = outcome(connector, state)
        assert isinstance(result, SessionInfo)
        yield request.param, between, connector, state


@settings(max_examples=60)
@given(data=st.data(), pinned=st.booleans(), insisted=st.booleans())
def test_no_value_at_all_in_place_of_one_of_the_hubs_makes_a_v3_session(met, data, pinned, insisted):
    profile, between, connector, state = met
    between.change = untouched
    target = data.draw(st.sampled_from(["hello", "offer"]))
    old = between.sent[target]
    path = data.draw(st.sampled_from([path for path in places(old) if path]))
    new = data.draw(st.one_of(JSON.map(lambda value: replaced(old, path, value)), st.just(removed(old, path))))
    assume(json.dumps(new, sort_keys=True) != json.dumps(old, sort_keys=True))
    between.change = lambda name, payload: new if name == target else payload
    if not pinned:
        state = copy_of(state)
        state.write("pinned_noise_keys", None)
    result, warnings = outcome(connector, state, min_protocol=3 if insisted else 0)
    allowed = profile == TRANSITION and not pinned and not insisted
    assert not harmless(result, warnings, password_allowed=allowed), f"{path}: {result!r}"


@pytest.mark.parametrize("payload", [None, 5, "text", [], [1]])
@pytest.mark.parametrize("target", ["hello", "offer"])
def test_a_payload_that_is_no_object_leaves_the_satellite_waiting_until_the_deadline(met, target, payload):
    _, between, connector, state = met
    between.change = lambda name, old: payload if name == target else old
    result, _ = outcome(connector, state, deadlines=Deadlines(hello=0.1))
    assert isinstance(result, HiveMindError)
    assert "HELLO and offer" in str(result)


# --- noise taken out of the offer -----------------------------------------------------------------------------------


@pytest.fixture(params=list(STRIPPED))
def stripped(request: pytest.FixtureRequest, met: Any) -> Any:
    """`met`, with v3 taken out of the offer in one way."""
    _, between, *_ = met
    between.change = lambda name, payload: STRIPPED[request.param]("", payload) if name == "offer" else payload
    return met


@cache
def rsa_key() -> str:
    key: str = CryptoSuite(Instances(catalogue())).primitive("RSA").generate(1024).private
    return key


def refused(result: SessionInfo | HiveMindError, kind: type[HiveMindError], *words: str) -> None:
    assert isinstance(result, kind), repr(result)
    assert all(word in f"{result} {result.hint}" for word in words), f"{result} ({result.hint})"


def test_v3_taken_out_of_the_offer_is_refused_where_this_hub_is_pinned(stripped):
    _, _, connector, state = stripped
    refused(outcome(connector, state)[0], AuthenticationRefused, "pinned", "in between", "forget-server")


def test_v3_taken_out_of_the_offer_is_refused_where_v3_is_required(stripped):
    _, _, connector, _ = stripped
    refused(outcome(connector, MemoryState(), min_protocol=3)[0], NoCommonHandshake, "noise: ", "3 to 3")


def test_v3_taken_out_of_the_offer_leads_strangers_to_the_password_with_a_warning_or_nowhere(stripped):
    profile, _, connector, _ = stripped
    result, warnings = outcome(connector, MemoryState())
    if profile == TRANSITION:
        assert isinstance(result, SessionInfo)
        assert (result.protocol, result.handshake) == (2, "password")
        assert PASSED_OVER in result.warnings[0]
        assert "min_protocol=3" in result.warnings[0]
        assert warnings == list(result.warnings)
    else:
        assert isinstance(result, HiveMindError)
        assert result.hint


@pytest.mark.parametrize("means", ["nothing", "pre-shared key", "RSA key"])
def test_a_pinned_hub_is_not_joined_without_a_password_whatever_else_there_is(stripped, means):
    _, between, connector, state = stripped
    state = copy_of(state)
    credentials = Credentials(CREDENTIALS.access_key, None, "0123456789abcdef" if means == "pre-shared key" else None)
    if means == "RSA key":
        state.write_secret("private.pem", rsa_key())
    strip = between.change
    between.change = lambda name, payload: (
        {**strip(name, payload), "preshared_key": True, "handshake": True, "min_protocol_version": 0}
        if name == "offer"
        else payload
    )
    refused(outcome(connector, state, credentials=credentials)[0], SettingsError, "password", "pinned")


def test_who_wants_no_v3_says_so_and_is_not_warned(met):
    profile, between, connector, state = met
    between.change = untouched
    result, _ = outcome(connector, state, max_protocol=2)
    if profile == TRANSITION:
        assert isinstance(result, SessionInfo)
        assert result.protocol == 2
        assert not any(PASSED_OVER in text for text in result.warnings)
    else:
        refused(result, NoCommonHandshake, "noise: protocol 3 is outside")
