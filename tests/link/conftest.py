"""Nothing that a test has started is there when it is over; workers, and a queue on them."""

from __future__ import annotations

import pytest
from link_kit import LONG, close_all, our_threads, wait_for_end

from hivemind_sdk.settings import Endpoint
from hivemind_sdk.threads.callbacks import CallbackQueue
from hivemind_sdk.threads.pool import Workers


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = our_threads()
    yield
    close_all()
    assert wait_for_end(our_threads() - before) == set()


@pytest.fixture
def workers():
    made = Workers(4).acquire()
    yield made
    made.release(LONG)


@pytest.fixture
def queue(workers):
    made = CallbackQueue(workers)
    yield made
    made.close()


@pytest.fixture(params=["memory", "ws"])
def reach(request):
    """reach(hub) -> what a satellite needs to reach it, in memory or over a socket"""

    def reach(hub):
        if request.param == "memory":
            return {"connector": hub.connector()}
        return {"endpoint": Endpoint("ws", "127.0.0.1", hub.start().port)}

    return reach
