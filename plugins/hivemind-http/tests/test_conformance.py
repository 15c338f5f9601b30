"""The transport keeps its contract, as the kit asks for, with a far end that is served over HTTP."""

from __future__ import annotations

import base64
import queue
import threading
from contextlib import contextmanager

from hivemind_http_stub import StubHub

from hivemind_http import HttpConnector, HttpOptions
from hivemind_sdk.contracts import TransportFeatures
from hivemind_sdk.errors import LinkClosed, LinkTimeout
from hivemind_sdk.settings import Endpoint
from hivemind_sdk.testing import TransportContract


class FarEnd:
    """The hub's end of one session: a contracts.Transport over the stub's queues."""

    features = TransportFeatures(ordered=False)

    def __init__(self, hub):
        self.hub = hub
        self.arrived = queue.SimpleQueue()
        self.over = False

    def send(self, frame):
        if self.over:
            raise LinkClosed
        if isinstance(frame, bytes):
            self.hub.binary.append(base64.b64encode(frame).decode())
        else:
            self.hub.text.append(frame)

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
        self.end()

    def end(self):
        if not self.over:
            self.over = True
            self.arrived.put(None)


class Serving(StubHub):
    """Each `connect` is a link for the acceptor; what the hub had to say before it closed is still fetched."""

    def __init__(self, accept):
        self.accept = accept
        self.far = None
        super().__init__()

    def connect(self, form):
        self.text, self.binary = [], []
        self.far = far = FarEnd(self)

        def serve():
            self.accept(far, self.token, "127.0.0.1")
            far.end()

        threading.Thread(target=serve, daemon=True).start()
        return super().connect(form)

    def disconnect(self, form):
        if self.far is not None:
            self.far.end()
        return super().disconnect(form)

    def send_message(self, form):
        if self.far is None or self.far.over:
            return {"error": "Client is not connected"}
        super().send_message(form)
        self.far.arrived.put(self.got.pop())
        return {"status": "message sent"}

    def drained(self, name, frames):
        if self.far is not None and self.far.over and not self.text and not self.binary:
            self.connected = False
        return super().drained(name, frames)


class TestHttp(TransportContract):
    scheme = "http"

    @contextmanager
    def serving(self, accept):
        with Serving(accept) as hub:
            yield Endpoint("http", "127.0.0.1", hub.server.server_port)
            if hub.far is not None:
                hub.far.end()

    @contextmanager
    def refusing(self):
        with StubHub() as hub:
            hub.says["connect"] = 403, '{"error": "Invalid authorization"}'
            yield Endpoint("http", "127.0.0.1", hub.server.server_port)

    def connector(self):
        return HttpConnector(HttpOptions(busy=0.01, idle=0.05))
