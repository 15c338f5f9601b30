"""OVOS 2.x renames its topics: listeners of either name hear a message, and each of them once."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest
from client_kit import SOON, Heard, sync

from hivemind_sdk import BusMessage
from hivemind_sdk.client.ovos import TWIN, Renamed

OLD, NEW = "speak", "ovos.utterance.speak"


class Translator:
    """The part of OVOS' own (ovos_spec_tools) that is used."""

    def counterpart_topics(self, msg_type):
        return {OLD: [NEW], NEW: [OLD]}.get(msg_type, [])

    def translate_payload(self, from_topic, to_topic, data):
        return {**data, "as": to_topic}


@pytest.fixture
def spec_tools(monkeypatch):
    """OVOS' table, as if it were installed."""
    for name, fields in (("ovos_spec_tools", {"__path__": []}), ("ovos_spec_tools.messages", {})):
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        vars(module).update(fields)
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules["ovos_spec_tools.messages"].NamespaceTranslator = Translator


@pytest.fixture
def renaming(spec_tools, client):
    return client


@pytest.mark.parametrize(("sent", "other"), [(OLD, NEW), (NEW, OLD)])
def test_listeners_and_waiters_hear_a_message_by_either_name(renaming, peer, sent, other):
    by_name, by_other, both, raw = Heard(), Heard(), Heard(), Heard()
    renaming.on(sent, by_name)
    renaming.on(other, by_other)
    renaming.once(sent, both)
    renaming.once(other, both)
    renaming.on("message", raw)
    peer.send_bus(BusMessage(sent, {"n": 1}, {"c": 1}))
    peer.send_bus(BusMessage("unrelated"))
    sync(renaming, peer)
    assert [(message.msg_type, message.data, message.context) for message in by_name] == [(sent, {"n": 1}, {"c": 1})]
    assert [(m.msg_type, m.data, m.context) for m in by_other] == [(other, {"n": 1, "as": other}, {"c": 1})]
    assert [message.msg_type for message in both] == [sent]
    assert len(raw.wait(3)) == 3


def test_a_waiter_for_the_old_name_catches_the_new_one(renaming, hub):
    hub.agent.answers["ask"] = lambda message: [(NEW, {"n": 1})]
    assert renaming.wait_for_response(BusMessage("ask"), OLD, timeout=SOON).data["n"] == 1


def test_a_copy_under_the_old_name_is_dropped_if_what_it_copies_was_heard(renaming, peer):
    heard = Heard()
    renaming.on(OLD, heard)
    peer.send_bus(BusMessage(OLD, {"n": 0}, {TWIN: True}))  # marked by inheritance: the only one there is
    peer.send_bus(BusMessage(NEW, {"n": 1}, {"c": 1}))
    peer.send_bus(BusMessage(OLD, {"n": 1, "as": OLD}, {"c": 1, TWIN: True}))
    sync(renaming, peer)
    assert [message.data["n"] for message in heard] == [0, 1]


def test_without_ovos_table_everything_keeps_its_name():
    renamed = Renamed()
    for message in (BusMessage(OLD), BusMessage(OLD, {}, {TWIN: True})):
        assert renamed.names(message) == [message]


def test_the_installed_table_is_understood():
    pytest.importorskip("ovos_spec_tools")
    renamed = Renamed()
    renamed.load()
    assert [message.msg_type for message in renamed.names(BusMessage(OLD))] == [OLD, NEW]
    assert [message.msg_type for message in renamed.names(BusMessage(NEW))] == [NEW, OLD]
