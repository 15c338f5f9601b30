"""KK and the one XX after it, on whole links: how often a satellite dials, what it is told, what it remembers."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from noise_links import CREDENTIALS, DERIVED, SOON, copy_of, join, make_hub, make_satellite

from hivemind_sdk import Credentials
from hivemind_sdk.contracts import SessionInfo
from hivemind_sdk.contracts.observations import Secured
from hivemind_sdk.contracts.status import State
from hivemind_sdk.errors import AuthenticationRefused, HiveMindError, LinkClosed
from hivemind_sdk.settings import Backoff
from hivemind_sdk.testing import Hub, MemoryState
from hivemind_sdk.testing.misbehaviour import ANSWER, Misbehaviour
from hivemind_sdk.testing.profiles import Close

KK, XX = "KKpsk0", "XXpsk2"
ANOTHER_PASSWORD = "another-horse-battery-9"


@pytest.fixture
def state() -> MemoryState:
    """What a satellite remembers that has met the hub of `remembering`."""
    return MemoryState()


@pytest.fixture
def hub_state(state: MemoryState) -> MemoryState:
    """What the hub remembers that this satellite has met."""
    with make_hub() as hub:
        assert join(hub, state).pattern == XX
        return hub.state


def remembering(hub_state: MemoryState, **options: Any) -> Hub:
    """The hub, started anew."""
    return make_hub(state=copy_of(hub_state), **options)


def attempt(hub: Hub, state: MemoryState, **settings: Any) -> tuple[SessionInfo | HiveMindError, int]:
    """-> what came of it, and how often the hub was dialled"""
    connector = hub.connector()
    one = make_satellite(connector, state, **settings)
    try:
        return one.connect(timeout=SOON), len(connector.links)
    except HiveMindError as error:
        return error, len(connector.links)
    finally:
        one.close()


def test_a_second_connection_uses_kk_and_needs_one_link(state, hub_state):
    with remembering(hub_state) as hub:
        info, links = attempt(hub, state)
    assert (info.pattern, links) == (KK, 1)


def test_a_hub_that_has_forgotten_our_key_is_met_with_xx_at_once_and_must_show_the_pinned_key(state, hub_state):
    hub_state.write("pinned_client_noise_keys", None)
    with remembering(hub_state) as hub:
        info, links = attempt(hub, copy_of(state))
        assert (info.pattern, links) == (XX, 1)
    hub_state.write_secret("noise.key", "11" * 32)
    with remembering(hub_state) as hub:
        error, links = attempt(hub, state)
    assert links == 1
    assert isinstance(error, AuthenticationRefused)
    assert "has changed" in str(error)


def test_kk_with_a_hub_of_another_key_is_followed_by_one_xx_that_tells_both_fingerprints(state, hub_state):
    with remembering(hub_state) as hub:
        old = attempt(hub, state)[0].hub_key
    hub_state.write_secret("noise.key", "11" * 32)
    pins = state.read("pinned_noise_keys")
    with remembering(hub_state) as hub:
        error, links = attempt(hub, state)
        new = attempt(hub, MemoryState(), credentials=CREDENTIALS)[0]
    assert links == 2
    assert isinstance(error, AuthenticationRefused)
    assert old in str(error)
    assert "forget-server" in error.hint
    assert state.read("pinned_noise_keys") == pins
    assert isinstance(new, AuthenticationRefused)  # and the hub still wants the key that it has pinned


def test_kk_after_which_the_hub_holds_another_key_of_ours_is_followed_by_one_xx_and_the_hubs_refusal(state, hub_state):
    (name,) = hub_state.read("pinned_client_noise_keys")
    hub_state.write("pinned_client_noise_keys", {name: "22" * 32})
    with remembering(hub_state) as hub:
        error, links = attempt(hub, state)
    assert links == 2
    assert isinstance(error, AuthenticationRefused)
    assert error.code == 1008
    assert "reset-noise-pin" in error.hint


def test_kk_after_the_hubs_password_has_changed_is_followed_by_one_xx_that_names_the_password(state, hub_state):
    with remembering(hub_state, password=ANOTHER_PASSWORD) as hub:
        error, links = attempt(hub, copy_of(state))
        assert links == 2
        assert isinstance(error, AuthenticationRefused)
        assert "password" in str(error)
        assert "set-identity --password" in error.hint
        info, links = attempt(hub, state, credentials=Credentials(CREDENTIALS.access_key, ANOTHER_PASSWORD))
        assert (info.pattern, links) == (KK, 1)


def test_kk_that_the_hub_just_closes_is_no_refusal_the_pin_stays_and_kk_comes_back(state, hub_state):
    pins, patterns, closed = state.read("pinned_noise_keys"), [], []

    def close_the_first(place: int, frame: Any) -> tuple[Any]:
        if place == ANSWER and not closed:
            closed.append(place)
            return (Close(1008, "handshake failure"),)
        return (frame,)

    class Watch:
        def observe(self, event: object) -> None:
            if isinstance(event, Secured):
                patterns.append(event.info.pattern)

    with remembering(hub_state, misbehaviour=Misbehaviour(outgoing=close_the_first)) as hub:
        connector = hub.connector()
        one = make_satellite(connector, state, observers=[Watch()], reconnect=True, backoff=Backoff(first=0.01))
        assert one.connect(timeout=SOON).pattern == XX
        assert len(connector.links) == 2
        again = threading.Event()
        one.on_state(lambda status: again.set() if status.state is State.READY else None)
        one.drop()
        assert again.wait(SOON)
        one.close()
    assert patterns == [XX, KK]
    assert len(connector.links) == 3
    assert state.read("pinned_noise_keys") == pins


def test_the_network_that_goes_away_during_kk_costs_one_more_attempt_with_xx_and_no_verdict(state, hub_state):
    gone = Misbehaviour(outgoing=lambda place, frame: (Close(1006),) if place == ANSWER else (frame,))
    with remembering(hub_state, misbehaviour=gone) as hub:
        error, links = attempt(hub, state)
    assert links == 2
    assert isinstance(error, LinkClosed)


# --- the key that is kept -------------------------------------------------------------------------------------------


def test_a_kept_key_serves_until_the_password_changes_here(state, hub_state):
    assert state.read_secret("noise_psks.json")
    with remembering(hub_state) as hub:
        DERIVED.clear()
        attempt(hub, state)
        assert not DERIVED
        wrong = Credentials(CREDENTIALS.access_key, ANOTHER_PASSWORD)
        error, links = attempt(hub, state, credentials=wrong)
        assert links == 2
        assert isinstance(error, AuthenticationRefused)
        assert "password" in str(error)
        assert ANOTHER_PASSWORD.encode() in DERIVED
        assert not state.read_secret("noise_psks.json")
        assert attempt(hub, state)[0].pattern == KK


def test_a_kept_key_is_not_used_after_the_hubs_password_has_changed(state, hub_state):
    with remembering(hub_state, password=ANOTHER_PASSWORD) as hub:
        attempt(hub, state)
    assert not state.read_secret("noise_psks.json")
