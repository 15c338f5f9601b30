"""A catalogue settles names without regard to order, and says in one line what it can't give, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wheel_kit import LOST

from hivemind_sdk.errors import PluginConflict, PluginError, PluginMissing
from hivemind_sdk.hooks import (
    CipherPlugin,
    HandlerPlugin,
    HandshakePlugin,
    IdentityPlugin,
    PrimitivePlugin,
    TransportPlugin,
)
from hivemind_sdk.messages import HiveMessageType
from hivemind_sdk.plugins.catalogue import Catalogue
from hivemind_sdk.plugins.entrypoints import DISTRIBUTION
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.plugins.records import Origin, PluginReport, PluginState, Registration
from hivemind_sdk.settings import PluginSettings

WS = TransportPlugin(name="websocket", schemes=("ws", "wss"), create=object)
BUS = HandlerPlugin(name="bus", types=(HiveMessageType.BUS,), create=object)


def handshake(name: str, protocol: int, rank: int = 0) -> HandshakePlugin:
    return HandshakePlugin(name=name, protocol=protocol, rank=rank, create=object)


def handler(name: str, rank: int = 0) -> HandlerPlugin:
    return HandlerPlugin(name=name, rank=rank, types=(HiveMessageType.PING,), create=object)


def fates(catalogue: Catalogue) -> set[tuple[str, PluginState, frozenset[str]]]:
    return {(one.name, one.state, frozenset(one.records)) for one in catalogue.reports}


def one_line(error: pytest.ExceptionInfo[PluginError]) -> str:
    (line,) = str(error.value).splitlines()
    return line


def test_records_are_found_by_what_they_serve():
    catalogue = Catalogue.of(
        WS,
        BUS,
        CipherPlugin(name="a", cipher="AES-GCM", key_sizes=(16,), nonce_size=16, create=object),
        PrimitivePlugin(name="r", primitive="RSA", create=object),
        IdentityPlugin(name="file", create=object),
        handshake("password", 2),
    )
    assert catalogue.transport("WSS") is catalogue.transport_named("websocket") is WS
    assert catalogue.handlers_for(HiveMessageType.BUS) == (BUS,)
    assert catalogue.handlers_for(HiveMessageType.PING) == ()
    assert catalogue.primitive("RSA").name == "r"
    assert catalogue.identity("file").name == "file"
    assert [one.name for one in catalogue.handshakes_in(["password"])] == ["password"]


def test_handshakes_go_by_protocol_then_rank_then_name_unless_the_user_has_a_list():
    records = [handshake("b", 1), handshake("a", 1), handshake("late", 1, rank=-1), handshake("noise", 3)]
    assert [one.name for one in Catalogue.of(*records).handshakes] == ["noise", "a", "b", "late"]
    preferring = Catalogue.of(*records, prefer={"handshake": ("late", "b")})
    assert [one.name for one in preferring.handshakes] == ["late", "b", "noise", "a"]


def test_handlers_go_by_rank_then_name():
    catalogue = Catalogue.of(handler("b"), handler("a"), handler("first", rank=1))
    assert [one.name for one in catalogue.handlers_for(HiveMessageType.PING)] == ["first", "a", "b"]


def test_what_is_no_record_is_refused():
    with pytest.raises(PluginError, match="rank should be int, not str"):
        Catalogue.of(handler("a", rank="high"))  # type: ignore[arg-type]
    with pytest.raises(PluginError, match="str is no record"):
        Catalogue.of("websocket")  # type: ignore[arg-type]


def test_a_catalogue_does_not_change():
    catalogue = Catalogue.of(WS)
    with pytest.raises(TypeError):
        catalogue.transports["ws"] = WS  # type: ignore[index]
    with pytest.raises(AttributeError):
        catalogue.handlers = ()  # type: ignore[misc]


@pytest.mark.parametrize("prefer", [{}, {"handshake": ("x",)}])
def test_a_name_given_twice_is_in_conflict_unless_the_user_tells_them_apart(prefer):
    with pytest.raises(PluginConflict, match="handshake 'x' is provided by"):
        Catalogue.of(handshake("x", 1), handshake("x", 2), prefer=prefer).handshake("x")


def test_the_case_of_a_scheme_does_not_matter():
    assert Catalogue.of(TransportPlugin(name="a", schemes=("WS",), create=object)).transport("Ws").name == "a"


@given(st.data())
def test_the_order_of_installation_decides_nothing(data):
    origins = [Origin(f"plugin{n}", provider=f"dist{n}", builtin=n == 0) for n in range(4)]
    records = st.one_of(
        st.builds(handshake, st.sampled_from("ab"), st.integers(0, 3), st.integers(-1, 1)),
        st.builds(handler, st.sampled_from("ab"), st.integers(-1, 1)),
        st.builds(
            lambda name, schemes: TransportPlugin(name=name, schemes=tuple(schemes), create=object),
            st.sampled_from("ab"),
            st.lists(st.sampled_from("xyz"), min_size=1, unique=True),
        ),
        st.builds(
            lambda name, rank: CipherPlugin(
                name=name, rank=rank, cipher="C", key_sizes=(1,), nonce_size=1, create=object
            ),
            st.sampled_from("ab"),
            st.integers(-1, 1),
        ),
    )
    # one of a kind from each plugin: with several, nothing but their contents tells them apart
    pairs = data.draw(
        st.lists(
            st.tuples(st.sampled_from(origins), records), max_size=8, unique_by=lambda pair: (pair[0], pair[1].kind)
        )
    )
    prefer = data.draw(st.dictionaries(st.sampled_from(["transport", "handler:a", "cipher"]), st.just(("dist2",))))
    registrations = [Registration(record, origin) for origin, record in pairs]
    shuffled = data.draw(st.permutations(registrations))
    one, other = Catalogue.resolved(registrations, prefer=prefer), Catalogue.resolved(shuffled, prefer=prefer)
    for kind in ("transports", "ciphers", "handshakes", "handlers", "conflicts"):
        assert getattr(one, kind) == getattr(other, kind)
    assert fates(one) == fates(other)
    reported = {(name, label) for name, _, labels in fates(one) for label in labels}
    assert reported == {(registration.origin.plugin, registration.label) for registration in registrations}


# --- what is missing ---


def test_the_line_names_the_plugin_that_would_serve_and_why_it_does_not():
    disabled = PluginReport(
        "transport.websocket", ("transport",), DISTRIBUTION, "1.0", "m", PluginState.DISABLED, "the settings disable it"
    )
    catalogue = Catalogue.of(reports=[disabled])
    with pytest.raises(PluginMissing) as error:
        catalogue.transport("wss")
    assert one_line(error) == (
        "no transport for 'wss' is installed: the plugin transport.websocket is disabled (the settings disable it); "
        "enable it or install another"
    )


def test_the_line_says_what_there_is_instead():
    with pytest.raises(PluginMissing) as error:
        Catalogue.of(WS).transport("carrier")
    assert one_line(error) == (
        "no transport for 'carrier' is installed (there is: ws, wss): install one that provides it"
    )


def test_the_line_names_the_distribution_of_ours_that_serves_a_scheme():
    with pytest.raises(PluginMissing, match=r"there is: ws, wss\): install hivemind-http$"):
        Catalogue.of(WS).transport("https")


def test_an_empty_catalogue_misses_all_that_a_satellite_needs():
    assert [line.partition(" is installed: install")[0] for line in Catalogue.of().missing()] == [
        "no transport",
        "no cipher",
        "no handshake for protocol 0 (pre-shared key), 1 (RSA), 2 (password), 3 (Noise)",
        (
            "no handler for BUS, SHARED_BUS, INTERCOM, BROADCAST, PROPAGATE, ESCALATE, QUERY, CASCADE, PING, "
            "RENDEZVOUS, THIRDPRTY, BINARY messages"
        ),
        "no identity 'file'",
        "no observer counters, health",
    ]
    with pytest.raises(PluginMissing, match="no handshake is installed"):
        Catalogue.of().handshakes_in(())


@pytest.mark.parametrize("name", LOST)
def test_without_any_one_built_in_the_rest_loads_and_one_line_says_what_is_missing(name):
    catalogue = load(PluginSettings(disabled=frozenset({name})))
    complete = load(PluginSettings())
    assert {one.name for one in catalogue.reports} == {one.name for one in complete.reports}
    (line,) = set(catalogue.missing()) - set(complete.missing())
    assert line.startswith(LOST[name])
    assert f"the plugin {name} is disabled" in line
    assert "\n" not in line
