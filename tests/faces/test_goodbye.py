"""`close` lets a transport say goodbye: once, in the time that the caller gave, and behind what was sent."""

from __future__ import annotations

import socket
import threading

import pytest
from faces_kit import LONG
from ports import free_port

from hivemind_sdk import BusMessage, HiveMessageType
from hivemind_sdk.testing.memory import MemoryConnector

LARGE = BusMessage("recognizer_loop:b64_audio", {"audio": "A" * 140_000})


class Told:
    """A connector whose links tell how often, and with which time, they were closed."""

    def __init__(self, hub):
        self._real = MemoryConnector(hub.serve)
        self.closed = []

    def connect(self, dial):
        link = self._real.connect(dial)
        close = link.close

        def told(code=1000, reason="", timeout=2.0):
            self.closed.append(timeout)
            close(code, reason, timeout)

        link.close = told
        return link


@pytest.mark.parametrize(("given", "goodbye"), [(20.0, 10.0), (1.5, 1.0), (0.5, 0.5)])
def test_a_transport_is_closed_once_with_up_to_half_of_the_time(face, hub, satellite, given, goodbye):
    """Closed again by who reads, a transport whose goodbye is a request would break it off."""
    told = Told(hub)
    one = satellite(transport=told)
    face.call(one.connect)
    face.call(one.close, given)
    assert told.closed == [pytest.approx(goodbye, abs=0.2)]


class SlowLine:
    """Passes on what comes from a satellite to the hub, but for `pause` seconds nothing after the first bytes."""

    def __init__(self, hub, pause):
        self._pause, self._target = pause, ("127.0.0.1", hub.port)
        self._server = socket.socket()
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._server.bind(("127.0.0.1", free_port()))
        self._server.listen()
        self.port = self._server.getsockname()[1]
        self.stopped = threading.Event()
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def close(self):
        self._server.close()
        for one in self._threads:
            one.join(LONG)

    def _serve(self):
        with self._server.accept()[0] as near, socket.create_connection(self._target) as far:
            back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
            self._threads.append(back)
            back.start()
            self._pass(near, far, self.stopped)

    def _pass(self, source, sink, stopped=None):
        never = threading.Event()
        while data := _read(source):
            if stopped is not None and stopped.is_set():
                never.wait(self._pause)
                stopped.clear()
            try:
                sink.sendall(data)
            except OSError:
                return
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


def _read(source):
    try:
        return source.recv(4096)
    except OSError:
        return b""


def test_what_was_sent_still_goes_out_though_the_line_takes_it_late(face, hub, satellite):
    """For 1.5 s the line takes nothing: longer than a peer that has been sent all is given to hang up."""
    line = SlowLine(hub, pause=1.5)
    try:
        one = satellite(port=line.port)
        face.call(one.connect)
        line.stopped.set()
        face.call(one.emit, LARGE)
        face.call(one.close, LONG)
        hub.wait_for(lambda hub: hub.of_type(HiveMessageType.BUS), LONG)
    finally:
        line.close()
