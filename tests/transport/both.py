"""The built-in websocket of both faces behind one set of blocking calls: tests that ask for `websocket` run twice."""

from __future__ import annotations

import pytest

from hivemind_sdk.testing.conformance.transport.on_loop import ConnectorOnLoop, Loop
from hivemind_websocket import WebSocketConnector
from hivemind_websocket.aio import AsyncWebSocketConnector

_made = [WebSocketConnector]


def connector():
    """A connector of the face whose turn it is."""
    return _made[-1]()


@pytest.fixture(params=["threads", "asyncio"])
def websocket(request):
    if request.param == "threads":
        yield
        return
    loop = Loop()
    _made.append(lambda: ConnectorOnLoop(loop, AsyncWebSocketConnector()))
    yield
    _made.pop()
    assert loop.stop(30.0) == [], "tasks are left"


def is_stuck(transport):
    """Whether the network takes nothing more of what is being sent."""
    if hasattr(transport, "loop"):
        return transport.right._paused
    return transport._stream._stalled


def unsent(transport):
    """Kilobytes or answers, at least, that wait to be sent."""
    if hasattr(transport, "loop"):
        return transport.right._transport.get_write_buffer_size() >> 10
    return len(transport._stream._out)
