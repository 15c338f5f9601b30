"""Several people on one satellite: sessions side by side, each with its language and its state; on both faces."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from types import SimpleNamespace

import pytest
from client_kit import KEY, PASSWORD, SOON, make_client, make_hub

from hivemind_sdk import AsyncHiveMessageBusClient, BusMessage, NodeIdentity
from hivemind_sdk.errors import SettingsError

UTTERANCE = "recognizer_loop:utterance"


class Recording:
    """An agent that says back in whose language it was asked, and gives each session a state of its own."""

    def __init__(self) -> None:
        self.asked = []

    def bus(self, message, peer):
        if message.msg_type != UTTERANCE:
            return
        session, text = message.context["session"], message.data["utterances"][0]
        self.asked.append((session, message.data["lang"]))
        context = {**message.context, "session": {**session, "active_handlers": [f"after {text}"]}}
        told = BusMessage(message.msg_type, {}, context)
        peer.send_bus(told.reply("speak", {"utterance": f"{session['session_id']} {message.data['lang']} {text}"}))
        peer.send_bus(told.reply("ovos.utterance.handled", {}))


@pytest.fixture
def agent():
    return Recording()


@pytest.fixture
def hub(agent):
    with make_hub(agent=agent).start() as running:
        yield running


@pytest.fixture
def client(hub, tmp_path):
    with make_client(hub, tmp_path) as one:
        yield one


def said(replies):
    return [reply.data["utterance"] for reply in replies]


def test_each_session_asks_in_its_language_and_keeps_the_state_that_the_hub_gave_it(client, agent):
    ada, bob = client.session("ada", lang="pt-pt"), client.session("bob")
    assert said(ada.ask("one")) == ["ada pt-pt one"]
    assert said(bob.ask("two", lang="de-de")) == ["bob de-de two"]
    assert said(ada.ask("three")) == ["ada pt-pt three"]
    assert said(client.ask("four"))[0].startswith(client.session_id)
    states = [session.get("active_handlers") for session, _ in agent.asked]
    assert states == [None, None, ["after one"], None]
    assert ada.context["session"]["active_handlers"] == ["after three"]
    assert client.session("ada").context["session"]["active_handlers"] == ["after three"]


def test_a_session_hears_what_is_for_it_until_it_has_enough(client):
    heard, done = [], threading.Event()

    def hear(message):
        heard.append(message.data["utterance"])
        done.set()

    stop = client.session("ada").on("speak", hear)
    list(client.session("bob").ask("not for ada"))
    list(client.session("ada").ask("one", lang="en-us"))
    assert done.wait(SOON)
    stop()
    everybody = threading.Event()
    client.on_mycroft("ovos.utterance.handled", lambda _: everybody.set())
    list(client.session("ada").ask("after the end"))
    assert everybody.wait(SOON)
    assert heard == ["ada en-us one"]


def test_sessions_on_asyncio_ask_at_the_same_time_and_hear_with_coroutines(hub, tmp_path):
    async def talk():
        identity = NodeIdentity(str(tmp_path / "_identity.json"))
        identity.lang = "nl-nl"
        heard = asyncio.Queue()
        host = f"ws://127.0.0.1:{hub.port}"
        async with AsyncHiveMessageBusClient(key=KEY, password=PASSWORD, host=host, identity=identity) as client:
            people = [client.session(name, lang=lang) for name, lang in (("ada", "pt-pt"), ("bob", None))]
            people[0].on("speak", heard.put)
            answers = await asyncio.gather(*(one.ask("hi") for one in people))
            first = await asyncio.wait_for(heard.get(), SOON)
            assert people[1].context["session"]["active_handlers"] == ["after hi"]
            return [said(one) for one in answers], said([first])

    assert asyncio.run(talk()) == ([["ada pt-pt hi"], ["bob nl-nl hi"]], ["ada pt-pt hi"])


@pytest.mark.parametrize("name", ["", "default"])
def test_the_session_of_the_hub_is_nobodys(client, name):
    with pytest.raises(SettingsError, match="session_id"):
        client.session(name)


def test_the_default_language_is_that_of_program_identity_ovos_in_this_order(hub, tmp_path, monkeypatch, agent):
    identity = NodeIdentity(str(tmp_path / "_identity.json"))
    with make_client(hub, tmp_path, identity=identity) as client:
        monkeypatch.delitem(sys.modules, "ovos_config.config", raising=False)
        assert client.lang == "en-us"
        ovos = SimpleNamespace(Configuration=lambda: {"lang": "it-it"})
        monkeypatch.setitem(sys.modules, "ovos_config.config", ovos)
        list(client.ask("one"))
        identity.lang = "de-de"
        identity.save()
        list(client.ask("two"))
        client.lang = "fr-fr"
        list(client.ask("three"))
    assert [lang for _, lang in agent.asked] == ["it-it", "de-de", "fr-fr"]
    assert json.loads((tmp_path / "_identity.json").read_text())["lang"] == "de-de"
