"""Transports with one fault each, around the built-in websocket, or the pair in memory where that shows it as well."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager, suppress

from conformance.mutants import caught_by

from hivemind_sdk.contracts import Dial
from hivemind_sdk.errors import LinkClosed, LinkTimeout
from hivemind_sdk.settings import Endpoint
from hivemind_sdk.testing import MemoryConnector, TransportContract
from hivemind_websocket import WebSocketConnector


class Wrapped:
    """A transport that does what the right one does; mutants override a part."""

    def __init__(self, right, dial: Dial):
        self.right, self.dial = right, dial
        self.features = right.features

    def send(self, frame):
        self.right.send(frame)

    def receive(self, timeout=None):
        return self.right.receive(timeout)

    def probe(self, arrived):
        self.right.probe(arrived)

    def close(self, code=1000, reason="", timeout=2.0):
        self.right.close(code, reason, timeout)


class Twin(TransportContract):
    link = Wrapped

    def connector(self):
        return self

    def connect(self, dial):
        return self.link(WebSocketConnector().connect(dial), dial)


class InMemory(TransportContract):
    scheme, network = "memory", False
    link = Wrapped

    @contextmanager
    def serving(self, accept):
        self.dialled = MemoryConnector(accept)
        yield Endpoint("memory", "hub")

    def connector(self):
        return self

    def connect(self, dial):
        return self.link(self.dialled.connect(dial), dial)


@caught_by("test_frames_that_came_before_the_end_are_received")
class LastFrameLost(InMemory):
    """Reads one frame ahead, and forgets it when the next thing that comes is the end."""

    class link(Wrapped):
        ahead = None

        def receive(self, timeout=None):
            frame = self.ahead if self.ahead is not None else self.right.receive(timeout)
            with suppress(LinkTimeout):
                self.ahead = None
                self.ahead = self.right.receive(0.0 if timeout is None or timeout < 1 else 0.3)
            return frame


@caught_by("test_what_was_sent_before_our_close_arrives")
class QueueDroppedByClose(Twin):
    class link(Wrapped):
        def __init__(self, *parts):
            super().__init__(*parts)
            self.queue = deque()

        def send(self, frame):
            self.queue.append(frame)
            if len(self.queue) > 4:
                self.right.send(self.queue.popleft())


@caught_by("test_a_close_from_another_thread_ends_a_waiting_receive_at_once", patience=0.5)
class DeadlockOnClose(InMemory):
    """One lock for reading and for closing."""

    class link(Wrapped):
        def __init__(self, *parts):
            super().__init__(*parts)
            self.lock = threading.Lock()

        def receive(self, timeout=None):
            with self.lock:
                return self.right.receive(timeout)

        def close(self, code=1000, reason="", timeout=2.0):
            with self.lock:
                self.right.close(code, reason, timeout)


@caught_by("test_close_returns_in_time_though_the_peer_does_not_answer", patience=0.5)
class WaitsForTheClosingHandshake(Twin):
    class link(Wrapped):
        def close(self, code=1000, reason="", timeout=2.0):
            self.right.close(code, reason, timeout=30.0)


@caught_by("test_close_returns_in_time_though_a_send_is_stuck", patience=0.5)
class CloseQueuesBehindTheSender(Twin):
    class link(Wrapped):
        def __init__(self, *parts):
            super().__init__(*parts)
            self.lock = threading.Lock()

        def send(self, frame):
            with self.lock:
                self.right.send(frame)

        def close(self, code=1000, reason="", timeout=2.0):
            with self.lock:
                self.right.close(code, reason, timeout)


@caught_by("test_close_may_be_called_by_anyone_any_number_of_times")
class SecondCloseRaises(InMemory):
    class link(Wrapped):
        closed = False

        def close(self, code=1000, reason="", timeout=2.0):
            if self.closed:
                raise LinkClosed("it was closed before")
            self.closed = True
            self.right.close(code, reason, timeout)


@caught_by("test_a_receive_that_times_out_says_so_and_loses_nothing", patience=0.5)
class FrameLostByATimeOut(InMemory):
    """A reader that is given up takes the next frame with it."""

    class link(Wrapped):
        given_up = False

        def receive(self, timeout=None):
            try:
                if self.given_up:
                    self.right.receive(timeout)
                return self.right.receive(timeout)
            except LinkTimeout:
                self.given_up = True
                raise


@caught_by("test_a_receive_that_times_out_says_so_and_loses_nothing")
class TimeOutWithoutAPhase(InMemory):
    class link(Wrapped):
        def receive(self, timeout=None):
            try:
                return self.right.receive(timeout)
            except LinkTimeout:
                raise LinkTimeout("too late") from None


@caught_by("test_frames_to_the_hub_arrive_whole_and_in_order")
class BytesSentAsText(InMemory):
    class link(Wrapped):
        def send(self, frame):
            self.right.send(frame.decode("latin-1") if isinstance(frame, bytes) else frame)


@caught_by("test_frames_from_the_hub_arrive_whole_and_in_order")
class LinesInsteadOfFrames(InMemory):
    """Frames are told apart by their line ends."""

    class link(Wrapped):
        def receive(self, timeout=None):
            frame = self.right.receive(timeout)
            return frame.rstrip("\n") if isinstance(frame, str) else frame


@caught_by("test_many_small_frames_keep_their_order_and_their_borders")
class OrderTurnedAround(InMemory):
    class link(Wrapped):
        def receive(self, timeout=None):
            first = self.right.receive(timeout)
            with suppress(LinkTimeout):
                second = self.right.receive(0.0)
                self.right._inbox.appendleft(first)
                return second
            return first


@caught_by("test_a_frame_of_a_megabyte_travels_both_ways")
class HalfAMegabyte(InMemory):
    class link(Wrapped):
        def send(self, frame):
            self.right.send(frame[: 1 << 19])


@caught_by("test_a_frame_at_the_limit_is_taken_and_one_above_it_ends_the_link")
class NoLimit(Twin):
    def connect(self, dial):
        return super().connect(Dial(dial.endpoint, dial.credentials, dial.useragent, dial.timeout))


@caught_by("test_a_server_that_says_nothing_does_not_outlast_the_deadline", patience=0.5)
class DeadlineIgnored(Twin):
    def connect(self, dial):
        return super().connect(Dial(dial.endpoint, dial.credentials, dial.useragent, 30.0))


@caught_by("test_a_port_where_nothing_listens_is_unreachable")
class ErrorsOfTheLibrary(Twin):
    def connect(self, dial):
        try:
            return super().connect(dial)
        except OSError as error:
            raise OSError(str(error)) from None


@caught_by("test_refused_credentials_are_told_as_such")
class RefusalLooksLikeAnEnd(Twin):
    def connect(self, dial):
        try:
            return super().connect(dial)
        except OSError as error:
            raise LinkClosed(str(error)) from None


@caught_by("test_the_credentials_reach_the_hub")
class AnonymousDialler(InMemory):
    def connect(self, dial):
        return super().connect(Dial(dial.endpoint, type(dial.credentials)("nobody"), dial.useragent, dial.timeout))


@caught_by("test_the_peers_code_and_reason_are_handed_on")
class CodeForgotten(InMemory):
    class link(Wrapped):
        def receive(self, timeout=None):
            try:
                return self.right.receive(timeout)
            except LinkClosed:
                raise LinkClosed("it has ended") from None


@caught_by("test_neither_reprs_nor_errors_hold_a_secret")
class TokenInTheRepr(InMemory):
    class link(Wrapped):
        def __repr__(self):
            return f"<link to {self.dial.endpoint}?authorization={self.dial.token}>"


@caught_by("test_nothing_is_left_of_links_that_were_closed", patience=0.5)
class ThreadLeft(InMemory):
    class link(Wrapped):
        def __init__(self, *parts):
            super().__init__(*parts)
            threading.Thread(target=threading.Event().wait, args=(2.0,), name="pinger", daemon=True).start()


@caught_by("test_a_dead_peer_is_noticed", patience=1.0)
class KeepAliveThatIsNone(Twin):
    def connect(self, dial):
        return super().connect(Dial(dial.endpoint, dial.credentials, dial.useragent, dial.timeout, keepalive=0.0))


@caught_by("test_a_probe_tells_when_all_before_it_was_taken_and_not_earlier")
class ProbeThatBelieves(Twin):
    class link(Wrapped):
        def probe(self, arrived):
            arrived()


@caught_by("test_a_probe_tells_when_all_before_it_was_taken_and_not_earlier", patience=0.5)
class ProbeThatIsForgotten(InMemory):
    class link(Wrapped):
        def probe(self, arrived):
            pass
