"""The transport keeps its contract, as the kit asks for, with a far end that is served over HTTP."""

from __future__ import annotations

import base64
import queue
import threading
from contextlib import contextmanager

from hivemind_http_stub import Session, StubHub

from hivemind_http import HttpConnector, HttpOptions
from hivemind_sdk.contracts import TransportFeatures
from hivemind_sdk.errors import LinkClosed, LinkTimeout
from hivemind_sdk.settings import Endpoint
from hivemind_sdk.testing import TransportContract


class FarEnd(Session):
    """The hub's end of one session: a contracts.Transport over its queues."""

    features = TransportFeatures(ordered=False)

    def __init__(self, left):
        super().__init__()
        self.left = left
        self.arrived = queue.SimpleQueue()
        self.over = False

    # --- for the kit ---

    def send(self, frame):
        if self.over:
            raise LinkClosed
        if isinstance(frame, bytes):
            self.binary.append(base64.b64encode(frame).decode())
        else:
            self.text.append(frame)

    def receive(self, timeout=None):
        try:
            frame = self.arrived.get(timeout=timeout)
        except queue.Empty:
            raise LinkTimeout(phase="receive") from None
        if frame is None:
            self.arrived.put(None)
            raise LinkClosed
        return frame

    def close(self, code=1000, reason="", timeout=2.0):
        if not self.over:
            self.over = True
            self.arrived.put(None)

    # --- for the satellite ---

    def disconnect(self, form):
        self.close()
        self.left()
        return super().disconnect(form)

    def send_message(self, form):
        if self.over:
            return {"error": "Client is not connected"}
        super().send_message(form)
        self.arrived.put(self.got.pop())
        return {"status": "message sent"}

    def drained(self, name, frames):
        """What the hub had to say before it closed is still fetched."""
        if self.over and not self.text and not self.binary:
            self.connected = False
        return super().drained(name, frames)


class Serving(StubHub):
    """Each `connect` is a link of its own for the acceptor; a token has one at a time."""

    def __init__(self, accept):
        self.accept = accept
        self.sessions = {}
        super().__init__()

    def session(self, token):
        return self.sessions.get(token) or Entrance(self, token)


class Entrance(Session):
    """Where somebody has no session yet."""

    def __init__(self, hub, token):
        super().__init__()
        self.hub, self.token = hub, token

    def connect(self, form):
        far = self.hub.sessions[self.token] = FarEnd(lambda: self.hub.sessions.pop(self.token, None))

        def serve():
            self.hub.accept(far, self.token, "127.0.0.1")
            far.close()

        threading.Thread(target=serve, daemon=True).start()
        return far.connect(form)


class TestHttp(TransportContract):
    scheme = "http"

    @contextmanager
    def serving(self, accept):
        with Serving(accept) as self.hub:
            yield Endpoint("http", "127.0.0.1", self.hub.server.server_port)
            for far in list(self.hub.sessions.values()):
                far.close()

    @contextmanager
    def refusing(self):
        with StubHub() as hub:
            hub.says["connect"] = 403, '{"error": "Invalid authorization"}'
            yield Endpoint("http", "127.0.0.1", hub.server.server_port)

    def connector(self):
        return HttpConnector(HttpOptions(busy=0.01, idle=0.05, request_timeout=2.0))

    def falls_silent(self):
        self.hub.silent.set()
