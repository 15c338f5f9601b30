"""send-mycroft, escalate, propagate, query, cascade, intercom: what reaches the hub, and what is shown of answers."""

from __future__ import annotations

import json

import pytest
from cli_kit import KEY, make_hub, run

from hivemind_sdk import HiveMessageType, NodeIdentity
from hivemind_sdk.identity.public_keys import pem_fingerprint
from hivemind_sdk.testing.profiles import ABORT

UTTERANCE = ("--msg", "recognizer_loop:utterance", "--payload", '{"utterances": ["hello"]}')


def test_a_message_has_left_when_send_mycroft_ends(hub):
    for number in range(5):
        assert run("send-mycroft", "--msg", "speak", "--payload", json.dumps({"n": number})).out == (
            "== connected to HiveMind\n== sent speak\n"
        )
        assert hub.of_type(HiveMessageType.BUS)[-1].payload.data == {"n": number}


def test_send_mycroft_prints_the_answer_that_it_waits_for(hub):
    done = run("send-mycroft", *UTTERANCE, "--wait", "speak")
    first, _, answer = done.out.partition("\n")
    assert first == "== connected to HiveMind"
    assert json.loads(answer)["data"]["utterance"] == "echo: hello"
    told = run("send-mycroft", *UTTERANCE, "--wait", "ovos.utterance.handled", "--json").json
    assert told["sent"] == "recognizer_loop:utterance"
    assert told["answer"]["type"] == "ovos.utterance.handled"
    assert run("send-mycroft", *UTTERANCE, "--json").json["answer"] is None


def test_a_denial_is_told_even_if_no_answer_was_wanted(hub):
    done = run("send-mycroft", "--msg", "mycroft.stop")
    assert done.code == 7
    assert "allow-msg mycroft.stop" in done.err


@pytest.mark.parametrize("verb", ["escalate", "propagate"])
def test_verbs_carry_the_message_wrapped_and_name_the_site(verb, hub):
    payload = ("--msg", "speak", "--payload", '{"utterance": "hi"}')
    assert run(verb, *payload, "--siteid", "kitchen").out == "== connected to HiveMind\n== sent speak\n"
    (sent,) = hub.wait_for(lambda hub: hub.of_type(HiveMessageType(verb)))
    assert sent.target_site_id == "kitchen"
    assert sent.payload.msg_type is HiveMessageType.BUS
    assert (sent.payload.payload.msg_type, sent.payload.payload.data) == ("speak", {"utterance": "hi"})
    told = run(verb, *payload, "--json").json
    assert told == {"sent": "speak", "verb": verb, "site": "unknown"}


def test_a_link_that_is_cut_after_sending_is_a_warning_because_old_hubs_do_it(monkeypatch, hub):
    monkeypatch.setattr(type(hub), "note", lambda hub, peer, message: peer.close(ABORT))
    done = run("escalate", "--msg", "speak")
    assert done.code == 0
    assert ", after the message was sent" in done.err


def test_a_query_shows_who_answers_what(hub3):
    done = run("query", "--utterance", "hello")
    who = pem_fingerprint(hub3.keys.public)
    assert done.out.splitlines() == ["== connected to HiveMind", who, ">  echo: hello"]
    (told,) = run("query", *UTTERANCE, "--json").lines
    assert told["responder"] == who
    assert told["key_or_name"].startswith("-----BEGIN PUBLIC KEY-----")
    assert told["message"]["data"]["utterance"] == "echo: hello"


def test_a_responder_is_never_shown_as_the_alias_of_a_trusted_key(hub3):
    """Whoever answers chooses the name that the answer claims."""
    assert run("trust", "add", "bob", hub3.keys.public).code == 0
    (told,) = run("query", "--utterance", "hello", "--json").lines
    assert told["responder"] == pem_fingerprint(hub3.keys.public)


def test_a_query_that_nobody_can_answer_is_a_time_out(hub3):
    done = run("query", "--msg", "speak", "--timeout", "3")
    assert done.code == 5
    assert done.err.startswith("Error: ")


def test_a_cascade_shows_answers_by_responder_and_counts_them(hub3):
    done = run("cascade", "--utterance", "hello", "--expected", "1")
    assert done.out.splitlines() == [
        "== connected to HiveMind",
        pem_fingerprint(hub3.keys.public),
        ">  echo: hello",
        f"1 answered: {pem_fingerprint(hub3.keys.public)} 1",
    ]
    (told,) = run("cascade", "--utterance", "hello", "--expected", "1", "--json").lines
    assert told["message"]["data"]["utterance"] == "echo: hello"


def test_a_cascade_that_nobody_answers_is_a_time_out(hub3):
    done = run("cascade", "--msg", "speak", "--timeout", "3")
    assert done.code == 5


@pytest.fixture
def bob(hub3):
    """The key pair of somebody; it is in a file `bob.pem`, too."""
    from hivemind_sdk.plugins.installed import installed_rsa

    return installed_rsa().generate(2048)


def test_an_intercom_goes_sealed_to_an_alias_or_a_file(hub3, bob, home):
    (home / "bob.pem").write_text(bob.public)
    assert run("reset-keys").code == 0
    assert run("trust", "add", "bob", "bob.pem").code == 0
    for number, name in enumerate(("bob", "bob.pem"), 1):
        done = run("intercom", "--to", name, "--msg", "speak", "--payload", '{"utterance": "hush"}', "--json")
        assert done.json == {"sent": "speak", "verb": "intercom", "to": pem_fingerprint(bob.public)}
        found = hub3.wait_for(
            lambda hub, number=number: (
                len(hub.of_type(HiveMessageType.PROPAGATE)) == number and hub.of_type(HiveMessageType.PROPAGATE)
            )
        )
        assert found[-1].payload.msg_type is HiveMessageType.INTERCOM
        assert "hush" not in found[-1].serialize()


def test_an_intercom_needs_keys_of_our_own_and_says_how_to_get_them(hub3, bob):
    done = run("intercom", "--to", bob.public, "--msg", "speak")
    assert done.code == 2
    assert "reset-keys" in done.err


def test_credentials_of_the_arguments_are_never_stored(hub, identity_file):
    assert run("send-mycroft", "--msg", "speak").code == 0
    assert KEY not in (identity_file.read_text() if identity_file.exists() else "")
    assert NodeIdentity().access_key is None


def test_hubs_that_answer_no_queries_are_not_waited_for_long(monkeypatch):
    with make_hub("4.0.0") as hub:
        link = ("--key", KEY, "--password", "correct-horse-battery-9", "--host", "127.0.0.1", "--port", str(hub.port))
        done = run("query", "--utterance", "hello", "--timeout", "1", *link)
    assert done.code == 5
    assert "4.6" in done.err
