"""Callbacks and handlers that hang or raise, on a live link: they harm neither it nor each other."""

from __future__ import annotations

import threading

import pytest
from link_kit import (
    CLIENT,
    LONG,
    Log,
    T,
    satellite,
)

from hivemind_sdk.contracts.observations import CallbackFailed, CallbackHung, Dropped
from hivemind_sdk.contracts.status import State
from hivemind_sdk.engine.dispatch import NamedHandler
from hivemind_sdk.messages import BusMessage
from hivemind_sdk.settings import Callbacks
from hivemind_sdk.testing import Hub


def test_callbacks_that_hang_stop_neither_the_reader_nor_each_other():
    with Hub([CLIENT]) as hub:
        sat = satellite(hub.connector())
        sat.connect()
        let_go, heard = threading.Event(), threading.Event()
        sat.on_bus("speak", lambda message: let_go.wait(LONG))
        sat.on_message(T.BUS, lambda message: let_go.wait(LONG))
        sat.on_bus("ovos.utterance.handled", lambda message: heard.set())
        assert [reply.data["utterance"] for reply in sat.ask("one")] == ["echo: one"]
        assert [reply.data["utterance"] for reply in sat.ask("two")] == ["echo: two"]
        assert heard.wait(LONG)
        let_go.set()
        sat.close()


def test_when_all_workers_hang_the_link_lives_what_hangs_is_named_and_a_flood_is_bounded(caplog):
    flood = 500
    with Hub([CLIENT]) as hub:
        few = Callbacks(workers=2, hang_after=0.01, waiting=50)
        sat = satellite(hub.connector(), observers=[log := Log()], callbacks=few)
        sat.connect()
        let_go, over = threading.Event(), threading.Event()

        def first_hangs(message):
            let_go.wait(LONG)

        def second_hangs(message):
            let_go.wait(LONG)

        sat.on_bus("speak", first_hangs)
        sat.on_bus("speak", second_hangs)
        sat.on_bus("flood", lambda message: None)
        sat.on_bus("over", lambda message: over.set(), inline=True)
        peer = hub.wait_for(lambda hub: hub.peers, LONG)[0]
        peer.send_bus(BusMessage("speak", {"utterance": "SECRET"}))
        hanging = log.wait(lambda log: len(log.of(CallbackHung)) == 2 and log.of(CallbackHung))
        assert {event.name.rpartition(".")[2] for event in hanging} == {"first_hangs", "second_hangs"}
        for number in range(flood):
            peer.send_bus(BusMessage("flood", {"number": number}))
        peer.send_bus(BusMessage("over"))
        assert over.wait(LONG), "the reader goes on"
        behind = [event for event in log.of(Dropped) if event.reason == "callbacks are behind"]
        assert len(behind) >= flood - 50
        assert sat.status.state is State.READY
        assert len(log.of(CallbackHung)) == 2
        assert "has not returned" in caplog.text
        assert "SECRET" not in caplog.text
        let_go.set()
        sat.close()


@pytest.mark.parametrize("inline", [False, True])
def test_callbacks_and_handlers_that_raise_harm_nobody(inline, caplog):
    class Raises:
        def handle(self, message, context):
            raise RuntimeError("odd")

    def angry(message):
        raise SystemExit("odd")

    with Hub([CLIENT]) as hub:
        raises = NamedHandler("raises", (T.BUS,), Raises())
        sat = satellite(hub.connector(), observers=[log := Log()], handlers=[raises])
        sat.connect()
        sat.on_bus("speak", angry, inline=inline)
        for _ in range(2):
            assert [reply.data["utterance"] for reply in sat.ask("hi")] == ["echo: hi"]
        log.wait(lambda log: len([e for e in log.of(CallbackFailed) if "angry" in e.name]) == 2)
        assert {event.name for event in log.of(CallbackFailed)} >= {"raises"}
        assert "raises raised RuntimeError" in caplog.text
        sat.close()
