"""The Noise handshake between two nodes: patterns, pins, fallback and refusals."""

from __future__ import annotations

import pytest
from crypto_kit import wire
from noise_kit import (
    AESGCM,
    AUTHORITY,
    CHACHA,
    HELLO,
    KK,
    OFFER,
    XX,
    Closed,
    Crypto,
    ReadOnlyState,
    connect,
    declined,
    hub,
    offer_of,
    pinned_pair,
    run,
    satellite,
    stored,
)

from hivemind_noise.handshake import CONFIRM_WITHIN
from hivemind_sdk.contracts import Declined, Form, Send
from hivemind_sdk.errors import AuthenticationRefused, HandshakeError, IdentityFileCorrupted, SettingsError
from hivemind_sdk.identity.public_keys import fingerprint


def talks(session, other):
    return all(
        receiver.open(frame) == (form, b'{"a": 1}')
        for sender, receiver in ((session, other), (other, session))
        for form in Form
        for frame in sender.seal(form, b'{"a": 1}')
    )


# --- the way it should go -------------------------------------------------------------------------------------------


def test_strangers_meet_with_xx_and_pin_each_other_then_use_kk():
    client, server = satellite(), hub()
    mine, theirs = connect(client, server)
    assert talks(mine, theirs)
    assert (mine.info.pattern, theirs.info.pattern) == (XX, XX)
    assert client.state.read("pinned_noise_keys") == {AUTHORITY: server.key}
    assert list(server.state.read("pinned_client_noise_keys").values()) == [client.key]
    mine, theirs = connect(client.restarted(), server.restarted())
    assert talks(mine, theirs)
    assert (mine.info.pattern, theirs.info.pattern) == (KK, KK)


def test_what_was_negotiated_can_be_seen():
    client, server = satellite(), hub()
    mine, theirs = connect(client, server)
    info = mine.info
    assert (info.protocol, info.handshake, info.suite, info.cipher) == (3, "noise", AESGCM, "AES-GCM")
    assert info.hub_key == theirs.info.hub_key == fingerprint(bytes.fromhex(server.key))
    assert (info.binarize, theirs.info.binarize, info.encoding, info.warnings) == (True, True, "JSON-B91", ())


@pytest.mark.parametrize(("offered", "wanted"), [(True, False), (False, True), (False, False)])
def test_binary_frames_only_where_both_want_them(offered, wanted):
    client, server = satellite(), hub()
    client.extra["binarize"] = wanted
    answering = server.context(HELLO, offer_of(server) | {"binarize": offered})
    script = client.handshake.satellite(client.context(wire(HELLO), wire(answering.offer)))
    reply = server.handshake.hub(answering, run(script).payload)
    mine = run(script, run(reply).payload)
    assert mine.session.info.binarize is run(reply, mine.send).session.info.binarize is False


def test_the_hub_may_still_refuse_for_a_while_after_xx_and_no_more_after_kk():
    client, server = satellite(), hub()
    for expected in (CONFIRM_WITHIN, 0.0):
        answering = server.context(HELLO, offer_of(server))
        script = client.handshake.satellite(client.context(wire(HELLO), wire(answering.offer)))
        reply = server.handshake.hub(answering, run(script).payload)
        second = run(reply)
        done = run(script, second.payload if isinstance(second, Send) else second.send)
        assert done.confirm_within == expected
        stored(done)
        if done.send:
            run(reply, done.send)


@pytest.mark.parametrize(
    ("ours", "theirs", "suite"),
    [
        (("AES-GCM",), (), AESGCM),
        (("CHACHA20-POLY1305", "AES-GCM"), ("AES-GCM", "CHACHA20-POLY1305"), CHACHA),
        (("AES-GCM", "CHACHA20-POLY1305"), (), AESGCM),
        (("AES-GCM", "another", "CHACHA20-POLY1305"), ("CHACHA20-POLY1305",), CHACHA),
    ],
)
def test_the_suite_is_the_satellites_first_choice_among_the_hubs(ours, theirs, suite):
    client, server = satellite(), hub()
    client.extra["ciphers"], server.extra["ciphers"] = ours, theirs
    assert connect(client, server)[0].info.suite == suite


def test_two_clients_of_one_identity_share_key_and_pins():
    client, server = satellite(), hub()
    connect(client, server)
    assert connect(client.restarted(), server)[0].info.pattern == KK


def test_a_repeated_offer_is_no_answer():
    client, server = satellite(), hub()
    answering = server.context(HELLO, offer_of(server))
    script = client.handshake.satellite(client.context(wire(HELLO), wire(answering.offer)))
    first = run(script)
    for ignored in (answering.offer, {}, {"noise": 1}, {"noise": {"patterns": []}}):
        waiting = run(script, ignored)
        assert isinstance(waiting, Send)
        assert waiting.payload is None
    reply = server.handshake.hub(answering, first.payload)
    done = run(script, run(reply).payload)
    assert talks(done.session, run(reply, done.send).session)


# --- trust ----------------------------------------------------------------------------------------------------------


def test_a_changed_hub_key_is_refused_with_both_fingerprints_and_what_to_do():
    client, server = satellite(), hub()
    connect(client, server)
    before, impostor = server.key, hub()  # knows the password, has another key
    with pytest.raises(AuthenticationRefused) as refused:
        connect(client, impostor)
    text = str(refused.value)
    assert AUTHORITY in text
    assert fingerprint(bytes.fromhex(before)) in text
    assert fingerprint(bytes.fromhex(impostor.key)) in text
    assert "forget-server" in refused.value.hint
    assert client.state.read("pinned_noise_keys") == {AUTHORITY: before}
    client.state.write("pinned_noise_keys", {})
    assert talks(*connect(client, impostor))


def test_other_pins_survive_a_new_one_and_hex_may_be_in_capitals():
    client, server = satellite(), hub()
    client.state.write("pinned_noise_keys", {"other:1": "AB" * 32})
    connect(client, server)
    client.state.write("pinned_noise_keys", {"other:1": "AB" * 32, AUTHORITY: server.key.upper()})
    assert connect(client, server)[0].info.pattern == KK
    assert client.state.read("pinned_noise_keys")["other:1"] == "AB" * 32


def test_a_changed_client_key_is_refused_by_the_hub_until_it_forgets_the_pin():
    client, server = satellite(), hub()
    connect(client, server)
    stranger = satellite()  # the same access key and password, from another device
    with pytest.raises(Closed) as closed:
        connect(stranger, server)
    refusal = closed.value.__cause__
    assert isinstance(refusal, AuthenticationRefused)
    assert (refusal.code, refusal.reason[:17]) == (1008, "handshake failure")
    server.state.write("pinned_client_noise_keys", None)
    assert talks(*connect(satellite(state=stranger.state), server))


@pytest.mark.parametrize("junk", ["", "ab", "zz" * 32, 5, ["a"]])
def test_a_pin_that_is_none_is_an_error_and_not_a_stranger(junk):
    client = satellite()
    client.state.write("pinned_noise_keys", {AUTHORITY: junk} if junk != ["a"] else junk)
    with pytest.raises(IdentityFileCorrupted):
        connect(client, hub())


def test_a_key_file_that_is_none_is_an_error_and_stays_untouched():
    client = satellite()
    client.state.write_secret("noise.key", "not a key")
    with pytest.raises(IdentityFileCorrupted):
        connect(client, hub())
    assert client.state.read_secret("noise.key") == "not a key"


def test_an_identity_that_cannot_be_written_works_and_says_what_that_means():
    client, server = satellite(state=ReadOnlyState()), hub()
    first, _ = connect(client, server)
    assert len(first.info.warnings) == 2
    second, other = connect(client, server)  # the same object still knows key, pin and PSK
    assert talks(second, other)
    assert second.info.pattern == KK
    assert client.crypto.argon2id.derived == 1


# --- KK and its fallback --------------------------------------------------------------------------------------------


def test_kk_that_the_hub_closes_is_followed_by_one_xx_and_then_kk_again():
    client, server = pinned_pair()
    forgetful = server.restarted(password="another")
    with pytest.raises(HandshakeError) as failed:
        connect(client, forgetful)
    assert failed.value.retry
    patterns = [connect(client, server)[0].info.pattern for _ in range(3)]
    assert patterns == [XX, KK, KK]


def test_kk_that_the_hub_answers_wrongly_is_followed_by_xx_which_must_show_the_pinned_key():
    client, server = pinned_pair()
    with pytest.raises(HandshakeError) as failed:
        connect(client, server, lambda name, payload: {"noise": {"msg": "00" * 70}} if name == "2" else payload)
    assert failed.value.retry
    impostor = hub()
    with pytest.raises(AuthenticationRefused, match="has changed"):
        connect(client, impostor)
    assert connect(client, server)[0].info.pattern == KK


def test_kk_against_another_hub_with_the_password_ends_in_the_changed_key_text():
    client, server = pinned_pair()
    impostor = hub()
    impostor.state.write("pinned_client_noise_keys", server.state.read("pinned_client_noise_keys"))
    with pytest.raises(HandshakeError) as failed:
        connect(client, impostor)
    assert failed.value.retry
    with pytest.raises(AuthenticationRefused, match="has changed"):
        connect(client, impostor)


def test_a_kk_attempt_that_nobody_closed_is_remembered_all_the_same():
    client, server = pinned_pair()
    answering = server.context(HELLO, offer_of(server))
    script = client.handshake.satellite(client.context(wire(HELLO), wire(answering.offer)))
    assert run(script).payload["noise"]["pattern"] == KK
    assert connect(client, server)[0].info.pattern == XX
    with pytest.raises(HandshakeError):
        script.close()


def test_a_link_that_ends_while_xx_or_a_key_derivation_waits_is_no_verdict():
    client, server = satellite(), hub()
    offer = wire(offer_of(server))
    for steps in (0, 1):
        script = client.handshake.satellite(client.context(HELLO, offer))
        next(script) if steps == 0 else run(script)
        script.close()
        client = satellite()


def test_a_pinned_hub_that_no_longer_offers_kk_is_met_with_xx():
    client, server = pinned_pair()
    server.state.write("pinned_client_noise_keys", None)
    assert connect(client, server)[0].info.pattern == XX


def test_a_hub_offers_kk_only_to_the_access_key_that_it_has_pinned():
    _, server = pinned_pair()
    assert offer_of(server)["noise"]["patterns"] == [KK, XX]
    from hivemind_sdk.settings import Credentials

    server.extra["credentials"] = Credentials("another key", "password")
    assert offer_of(server)["noise"]["patterns"] == [XX]


# --- passwords ------------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_noticed_by_the_satellite_in_xx():
    client, server = satellite(password="wrong"), hub()
    with pytest.raises(AuthenticationRefused, match="another password") as refused:
        connect(client, server)
    assert "wrong" not in str(refused.value).replace("wrong password", "")
    assert client.state.read("pinned_noise_keys") is None


def test_a_wrong_password_is_noticed_by_the_hub_in_kk_and_then_told_by_xx():
    client, server = pinned_pair()
    client = client.restarted(password="wrong")
    with pytest.raises(HandshakeError) as failed:
        connect(client, server)
    assert failed.value.retry
    with pytest.raises(AuthenticationRefused, match="another password"):
        connect(client, server)


# --- downgrade ------------------------------------------------------------------------------------------------------

WITHOUT_V3 = [
    {"noise": None},
    {"noise": {}},
    {"noise": {"patterns": ["XXpsk2"], "suites": []}},
    {"noise": {"patterns": [], "suites": [CHACHA]}},
    {"noise": {"patterns": ["NNpsk0"], "suites": [CHACHA]}},
    {"noise": {"patterns": "XXpsk2", "suites": CHACHA}},
    {"noise": {"patterns": [[1], None], "suites": [{}]}},
    {"noise": {"patterns": ["NNpsk0"], "suites": ["25519_ChaChaPoly_BLAKE2b"]}},
    {"noise": {"patterns": ["XXpsk2"], "suites": ["448_AESGCM_SHA512"]}},
    {"max_protocol_version": 2},
    {"max_protocol_version": "3"},
]


@pytest.mark.parametrize("change", WITHOUT_V3)
def test_an_offer_without_v3_is_declined_by_strangers_and_refused_where_the_hub_is_pinned(change):
    client, server = pinned_pair()
    offer = wire(offer_of(server)) | change
    assert declined(satellite(), offer)
    with pytest.raises(AuthenticationRefused) as refused:
        run(client.handshake.satellite(client.context(HELLO, offer)))
    assert "forget-server" in refused.value.hint


@pytest.mark.parametrize("change", WITHOUT_V3)
def test_whoever_declines_because_of_the_offer_warns_of_it_and_of_nothing_else(change):
    offer = wire(offer_of(hub()))
    node = satellite()
    assert "min_protocol=3" in run(node.handshake.satellite(node.context(HELLO, offer | change))).warning
    node = satellite(password=None)
    assert not run(node.handshake.satellite(node.context(HELLO, offer))).warning


def test_a_pinned_hub_that_offers_nothing_but_the_kk_that_just_failed_is_refused():
    client, server = pinned_pair()
    with pytest.raises(HandshakeError):
        connect(client, server.restarted(password="another"))
    offer = wire(offer_of(server))
    offer["noise"]["patterns"] = [KK]
    with pytest.raises(AuthenticationRefused, match=XX):
        run(client.handshake.satellite(client.context(HELLO, offer)))


@pytest.mark.parametrize("missing", ["password", "X25519", "ARGON2ID"])
def test_a_pinned_hub_is_not_joined_by_older_means_because_something_is_missing_here(missing):
    client, server = pinned_pair()
    client = client.restarted(**{"password": None} if missing == "password" else {})
    client.crypto = Crypto(missing)
    with pytest.raises(SettingsError, match=missing) as refused:
        run(client.handshake.satellite(client.context(HELLO, wire(offer_of(server)))))
    assert "forget-server" in refused.value.hint


def test_declined_says_what_is_lacking_here():
    offer = wire(offer_of(hub()))
    assert "password" in declined(satellite(password=None), offer)
    for primitive in ("X25519", "ARGON2ID"):
        node = satellite()
        node.crypto = Crypto(primitive)
        assert primitive in declined(node, offer)
    assert "node_id" in declined(satellite(), offer, {"peer": "x"})
    only_kk = offer | {"noise": {"patterns": [KK], "suites": [CHACHA]}}
    assert XX in declined(satellite(), only_kk)


def test_a_hub_without_a_password_for_the_key_offers_nothing():
    server = hub(password=None)
    assert server.handshake.offer(server.context(HELLO, OFFER)) == {}


@pytest.mark.parametrize(
    "first",
    [{}, {"envelope": "ab"}, {"noise": 1}, {"noise": {}}, {"noise": {"pattern": [1], "suite": {}, "msg": ""}},
     {"noise": {"pattern": KK, "suite": CHACHA, "msg": ""}}],
)  # fmt: skip
def test_a_hub_declines_what_it_has_not_offered(first):
    server = hub()
    assert isinstance(server.handshake.hub(server.context(HELLO, offer_of(server)), first), Declined)
