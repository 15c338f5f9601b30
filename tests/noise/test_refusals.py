"""A refusal is told from a lost link, with the hub's reason and a hint that fits it."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest
from noise_links import KEY, PASSWORD, SOON, catalogue, make_hub, make_satellite

from hivemind_sdk import HiveMessageBusClient, NodeIdentity
from hivemind_sdk.contracts import TransportFeatures
from hivemind_sdk.contracts.observations import Secured, Warned
from hivemind_sdk.contracts.status import State
from hivemind_sdk.engine.connection import Phase
from hivemind_sdk.engine.refusals import refusal
from hivemind_sdk.errors import AuthenticationRefused, LinkClosed, NoCommonHandshake, SettingsError
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.settings import Backoff, PluginSettings
from hivemind_sdk.testing import MemoryState
from hivemind_sdk.testing.misbehaviour import Misbehaviour, close
from hivemind_sdk.testing.profiles import Close

FIRST_SEALED = 3
"""the place of the hub's first frame in a session that XX made"""

REASONS = [  # as hivemind-core 4.15.0a1 and 5.3.10a1 say them
    (Phase.GREETING, "invalid api key", AuthenticationRefused, "set-identity --key"),
    (Phase.GREETING, "invalid authorization", AuthenticationRefused, "set-identity --key"),
    (Phase.GREETING, "this node requires protocol v3 (the Noise handshake)", NoCommonHandshake, "holds a password"),
    (
        Phase.GREETING,
        "server requires a protocol version this connection cannot offer",
        NoCommonHandshake,
        "holds a password",
    ),
    (Phase.AGREEING, "this node requires the v3 Noise handshake", NoCommonHandshake, "max_protocol"),
    (
        Phase.AGREEING,
        "legacy handshake at protocol v1 is below the configured minimum v2",
        NoCommonHandshake,
        "newer handshake",
    ),
    (Phase.AGREEING, "password handshake verification failed", AuthenticationRefused, "set-identity --password"),
    (Phase.AGREEING, "handshake failure: Decryption failed", AuthenticationRefused, "in between"),
    (Phase.AGREEING, "", AuthenticationRefused, "in between"),
    (
        Phase.ESTABLISHED,
        "client Noise static key contradicts the pinned key",
        AuthenticationRefused,
        "hivemind-core reset-noise-pin",
    ),
    (Phase.ESTABLISHED, "invalid message", AuthenticationRefused, "hivemind-core reset-noise-pin"),
    (Phase.ESTABLISHED, "handshake failure", AuthenticationRefused, "hivemind-core reset-noise-pin"),
]


@pytest.mark.parametrize(("phase", "reason", "kind", "hint"), REASONS)
def test_each_reason_of_a_hub_has_a_hint_that_fits(phase, reason, kind, hint):
    verdict = refusal(LinkClosed(code=1008, reason=reason), phase)
    assert type(verdict) is kind
    assert (reason or "1008") in str(verdict)
    assert hint in verdict.hint
    assert (verdict.code, verdict.reason) == (1008, reason)


@pytest.mark.parametrize("code", [None, 1000, 1001, 1005, 1006, 1011])
def test_other_closes_are_no_refusals(code):
    assert refusal(LinkClosed(code=code, reason="invalid api key"), Phase.GREETING) is None


@pytest.mark.parametrize("profile", ["4.15.0a1", "5.3.10a1"])
def test_a_1008_while_the_hub_may_still_refuse_is_a_refusal_and_nothing_is_dialled_again(profile):
    with make_hub(profile, misbehaviour=close(FIRST_SEALED, 1008, "invalid message")) as hub:
        connector = hub.connector()
        one = make_satellite(connector, MemoryState(), reconnect=True)
        with pytest.raises(AuthenticationRefused, match="invalid message") as refused:
            one.connect(timeout=SOON, retry=True)
        assert "reset-noise-pin" in refused.value.hint
        assert (one.status.hint, len(connector.links)) == (refused.value.hint, 1)
        one.close()


@pytest.mark.parametrize("profile", ["4.15.0a1", "5.3.10a1"])
def test_a_1008_on_a_confirmed_session_is_a_lost_link_that_comes_back(profile):
    with make_hub(profile) as hub:
        one = make_satellite(hub.connector(), MemoryState(), reconnect=True, backoff=Backoff(first=0.01))
        first = one.connect(timeout=SOON)
        states, back = [], threading.Event()

        def changed(status: object) -> None:
            states.append(status)
            if status.state is State.READY:
                back.set()

        one.on_state(changed)
        hub.wait_for(lambda hub: hub.peers)[0].close(1008, "invalid message")
        assert back.wait(SOON)
        lost, again = states[0], one.status.info
        one.close()
    assert lost.state is State.BACKOFF
    assert isinstance(lost.cause, LinkClosed)
    assert (lost.cause.code, lost.cause.reason) == (1008, "invalid message")
    assert (first.pattern, again.pattern) == ("XXpsk2", "KKpsk0")


def test_a_hub_that_says_nothing_after_xx_is_taken_to_agree_after_the_wait(monkeypatch):
    monkeypatch.setattr("hivemind_noise.handshake.CONFIRM_WITHIN", 0.2)

    def mute(place: int, frame: str | bytes) -> Iterable[str | bytes | Close]:
        return () if place == FIRST_SEALED else (frame,)

    with make_hub(misbehaviour=Misbehaviour(outgoing=mute)) as hub:
        one = make_satellite(hub.connector(), MemoryState())
        assert one.connect(timeout=SOON).pattern == "XXpsk2"
        one.close()


def test_what_was_agreed_is_in_the_status_in_what_connect_returns_and_told_to_observers():
    told = []

    class Watch:
        def observe(self, event: object) -> None:
            if isinstance(event, Secured):
                told.append(event.info)

    with make_hub() as hub:
        one = make_satellite(hub.connector(), MemoryState(), observers=[Watch()], min_protocol=3)
        info = one.connect(timeout=SOON)
        theirs = hub.wait_for(lambda hub: hub.peers)[0].info
        assert told == [info]
        assert one.status.info is info
        one.close()
    assert (info.protocol, info.pattern, info.suite[:5], info.hub_key[:7]) == (3, "XXpsk2", "25519", "SHA256:")
    assert info.hub_key == theirs.hub_key


# --- which protocol --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("low", "high"), [(3, 2), (-1, 3), (4, 3)])
def test_bounds_that_leave_no_protocol_are_refused_before_anything_is_dialled(low, high):
    with pytest.raises(SettingsError, match="min_protocol"):
        make_satellite(None, MemoryState(), min_protocol=low, max_protocol=high)


def make_client(hub, tmp_path, **options):
    where = {"host": "memory://hub", "transport": hub.connector(), "catalogue": catalogue(), **options}
    return HiveMessageBusClient(KEY, PASSWORD, identity=NodeIdentity(str(tmp_path / "identity.json")), **where)


@pytest.mark.parametrize("profile", ["4.0.0", "4.6.1a1"])
def test_the_client_that_insists_on_v3_refuses_a_hub_without_it_and_says_why(tmp_path, profile):
    with make_hub(profile) as hub:
        client = make_client(hub, tmp_path, min_protocol=3)
        with pytest.raises(NoCommonHandshake, match="the hub does not offer Noise"):
            client.connect()
        assert client.status.state is State.REFUSED
        client.close()


@pytest.mark.parametrize("profile", ["4.0.0", "4.6.1a1"])
def test_the_client_that_does_not_insist_is_told_that_v3_was_passed_over(tmp_path, caplog, profile):
    told = []

    class Watch:
        def observe(self, event: object) -> None:
            if isinstance(event, Warned):
                told.append(event.text)

    with make_hub(profile) as hub:
        client = make_client(hub, tmp_path, observers=(Watch(),))
        info = client.connect()
        assert "protocol v3 would have been possible here" in info.warnings[0]
        assert info == client.status.info
        assert told == list(info.warnings) == [line.message for line in caplog.records if line.levelname == "WARNING"]
        client.close()


def test_the_client_without_the_plugin_for_v3_says_so_of_itself_and_not_only_of_the_hub(tmp_path):
    without = load(PluginSettings(disabled=frozenset({"noise"})))
    with make_hub("5.3.10a1") as hub:
        client = make_client(hub, tmp_path, catalogue=without)
        with pytest.raises(NoCommonHandshake) as raised:
            client.connect()
        assert raised.value.hint.startswith("the hub speaks protocol 3, and no handshake that is active here does")
        client.close()


class WithoutCodes:
    """The embedded hub over a transport that can't carry a code or a reason, as HTTP and brokers can't."""

    def __init__(self, inner):
        self._inner = inner

    def connect(self, dial):
        return _Muted(self._inner.connect(dial))


class _Muted:
    features = TransportFeatures()

    def __init__(self, inner):
        self._inner, self.send, self.close = inner, inner.send, inner.close

    def receive(self, timeout=None):
        try:
            return self._inner.receive(timeout)
        except LinkClosed:
            raise LinkClosed("the hub has ended the session", code=1005) from None


def test_a_second_device_is_refused_with_the_same_hint_where_there_are_no_codes():
    told = []
    with make_hub("5.3.10a1") as hub:
        for connector in (hub.connector(), hub.connector(), WithoutCodes(hub.connector())):
            one = make_satellite(connector, MemoryState())
            try:
                one.connect(timeout=SOON)
            except AuthenticationRefused as refused:
                told.append(refused.hint)
            finally:
                one.close()
    assert len(told) == 2
    assert told[0] == told[1]
    assert "reset-noise-pin" in told[0]
