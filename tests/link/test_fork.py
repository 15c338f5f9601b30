"""A client belongs to the process that made it; in the child of a fork it is closed, and new ones work."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress

import pytest
from link_kit import CLIENT, LONG, satellite

from hivemind_sdk import State
from hivemind_sdk.delivery import Queue
from hivemind_sdk.errors import HiveMindError
from hivemind_sdk.messages import BusMessage
from hivemind_sdk.settings import Endpoint
from hivemind_sdk.testing import Hub

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def in_child(work):
    """-> what `work()` returns in the child of a fork"""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        threading.Timer(LONG, lambda: _kill(child)).start()
        said = answer.read()
    os.waitpid(child, 0)
    for timer in threading.enumerate():
        if isinstance(timer, threading.Timer):
            timer.cancel()
    return json.loads(said or "null")


def _kill(child):
    with suppress(ProcessLookupError):
        os.kill(child, 9)


def raised(call):
    began = time.monotonic()
    try:
        call()
    except HiveMindError as error:
        return [type(error).__name__, "belongs to the process" in str(error), time.monotonic() - began < 5.0]
    return None


def test_in_the_child_of_a_fork_a_client_is_closed_and_writes_nothing(tmp_path):
    with Hub([CLIENT]) as hub:
        sat = satellite(endpoint=Endpoint("ws", "127.0.0.1", hub.start().port), durable=str(tmp_path / "messages.db"))
        sat.connect()

        def child():
            message = BusMessage("from.the.child")
            durable = Queue(9, durable=True)
            said = [raised(lambda: sat.emit(message)), raised(lambda: sat.emit(message, delivery=durable))]
            sat.close()
            return [*said, sat.status.state.value]

        assert in_child(child) == [["NotConnected", True, True]] * 2 + [State.CLOSED.value]
        assert sat.status.state is State.READY
        assert next(iter(sat.ask("hi", timeout=LONG))).data["utterance"] == "echo: hi"
        assert "from.the.child" not in str(hub.received)


def test_a_new_client_in_the_child_hears_although_pools_and_timers_were_in_use():
    with Hub([CLIENT]) as hub:
        endpoint = Endpoint("ws", "127.0.0.1", hub.start().port)
        sat = satellite(endpoint=endpoint)
        heard = threading.Event()
        sat.on_bus("speak", lambda message: heard.set())
        sat.connect()
        list(sat.ask("warm", timeout=LONG))
        assert heard.wait(LONG)

        def child():
            own, answered = satellite(endpoint=endpoint), threading.Event()
            own.on_bus("speak", lambda message: time.sleep(1.0))
            own.on_bus("speak", lambda message: answered.set())
            own.connect(timeout=LONG)
            own.emit(BusMessage("recognizer_loop:utterance", {"utterances": ["hi"]}))
            return answered.wait(LONG / 2)

        assert in_child(child) is True
