"""What contracts.Transport promises: frames whole and in order, ends that are told, and nothing that waits for ever."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

from ...contracts import Dial, Frame, Transport, TransportConnector, TransportFeatures
from ...errors import (
    AuthenticationRefused,
    HiveMindError,
    LimitExceeded,
    LinkClosed,
    LinkError,
    LinkTimeout,
    NotEncodable,
    Unreachable,
)
from ...settings import Credentials, Endpoint
from .contract import Contract, check, skip
from .expect import at_once, hides, must, ours_alone, refused, same, together, told
from .leaks import leftovers
from .servers import dead_port, talking_server

Acceptor = Callable[[Transport, str, str], object]
"""what serves one link on the hub's side: its transport, the authorization token, the peer's address"""

FRAMES: tuple[Frame, ...] = (
    "{}",
    b"\x00\xff",
    "",
    b"",
    "grüß dich 🐝",
    '{"a": "\\n"}\n',
    b"\r\n\x00\n",
    "x" * 125,
    b"y" * 126,
    "z" * 65_535,
    b"\x80" * 65_536,
    "é" * 70_000,
)
_MEGABYTE = 1 << 20
_MOMENT = 0.05


@dataclass
class Hub:
    """The far end of the links of one check: takes them, and keeps them until the check is over."""

    over: threading.Event = field(default_factory=threading.Event)
    links: queue.Queue[Transport] = field(default_factory=queue.Queue)
    tokens: list[str] = field(default_factory=list)
    endpoint: Endpoint = field(init=False)

    def accept(self, transport: Transport, token: str, _peer: str) -> None:
        self.tokens.append(token)
        self.links.put(transport)
        self.over.wait()


class TransportContract(Contract):
    """Holds a contracts.Transport to its contract. Override `connector`, and `serving` unless it is a websocket.

    The far end is any contracts.Transport that your `serving` hands to its acceptor: a few lines around the server side
    of your protocol. What the transport states in its `features` decides which checks it has to pass.
    """

    scheme: ClassVar[str] = "ws"
    network: ClassVar[bool] = True
    """it connects to TCP ports: what does not answer there, or talks nonsense, is a part of its contract"""
    credentials: ClassVar[Credentials] = Credentials("Sesame-4711-open", "sw0rdf1sh-4711", "k" * 32)

    def connector(self) -> TransportConnector:
        """A new one. Called after `serving` was entered, where a check needs a server."""
        raise NotImplementedError

    def serving(self, accept: Acceptor) -> AbstractContextManager[Endpoint]:
        """A server, as a context manager that gives its endpoint. It calls `accept` in a thread for each link, closes
        the link when that returns, and when the context is left ends all links and gives the port back.
        """
        if self.scheme != "ws":
            return skip(f"the kit can't serve {self.scheme!r} links: override `serving`")
        return _websocket_server(accept)

    def refusing(self) -> AbstractContextManager[Endpoint]:
        """A server that refuses everybody's credentials while the link is being opened."""
        if self.scheme != "ws":
            return skip("no server that refuses credentials: override `refusing`, where the protocol can do it")
        return _websocket_server(_never, gate=lambda _target: 401)

    # --- opening ---

    @check
    def test_what_is_opened_is_a_transport_that_says_what_it_can_do(self) -> None:
        ours, _ = self._pair()
        must(isinstance(ours, Transport), f"{type(ours).__name__} has no send, receive and close")
        must(isinstance(ours.features, TransportFeatures), "features are no TransportFeatures")

    @check
    def test_the_credentials_reach_the_hub(self) -> None:
        hub = self._hub()
        self._connect(hub)
        hub.links.get(timeout=self.patience)
        same(hub.tokens, [self._dial(hub.endpoint).token], "the tokens that the hub saw")

    @check
    def test_a_port_where_nothing_listens_is_unreachable(self) -> None:
        self._needs_network()
        with refused("a port where nothing listens", Unreachable) as caught:
            self._connect_to(dead_port())
        must(str(caught.error), "Unreachable says nothing")

    @check
    def test_a_server_that_says_nothing_does_not_outlast_the_deadline(self) -> None:
        self._needs_network()
        port = self.entered(talking_server(b"", stays=True))
        with refused("a server that accepts and stays silent", LinkTimeout) as caught:
            at_once(partial(self._connect_to, port, timeout=0.3), "connect, with a timeout of 0.3 s", self.patience)
        must(getattr(caught.error, "phase", ""), "LinkTimeout does not say in which phase")

    @check
    def test_a_server_that_hangs_up_or_talks_nonsense_is_an_error_of_ours(self) -> None:
        self._needs_network()
        for text in (b"", b"\x00" * 40, b"HTTP/1.1 500 no\r\n\r\n", b"SSH-2.0-x\r\n", b"\x15\x03\x01\x00\x02\x02\x46"):
            port = self.entered(talking_server(text))
            with refused(f"a server that says {text[:12]!r} and hangs up", LinkError):
                at_once(partial(self._connect_to, port), "connect", self.patience)

    @check
    def test_refused_credentials_are_told_as_such(self) -> None:
        endpoint = self.entered(self.refusing())
        with refused("a server that refuses the credentials", AuthenticationRefused):
            self.connector().connect(self._dial(endpoint))

    # --- frames ---

    @check
    def test_frames_to_the_hub_arrive_whole_and_in_order(self) -> None:
        ours, theirs = self._pair()
        self._passes(ours, theirs, ours.features)

    @check
    def test_frames_from_the_hub_arrive_whole_and_in_order(self) -> None:
        ours, theirs = self._pair()
        self._passes(theirs, ours, ours.features)

    @check
    def test_many_small_frames_keep_their_order_and_their_borders(self) -> None:
        ours, theirs = self._pair()
        frames = [f"{number}" for number in range(300)]
        for sender, receiver in ((ours, theirs), (theirs, ours)):
            together([partial(_send_all, sender, frames)], "sending", self.patience)
            got = [receiver.receive(self.patience) for _ in frames]
            _same_frames(got, frames, ours.features)

    @check
    def test_a_frame_of_a_megabyte_travels_both_ways(self) -> None:
        ours, theirs = self._pair()
        for frame in ("é" * (_MEGABYTE // 2), bytes(range(256)) * (_MEGABYTE // 256)):
            if isinstance(frame, str) or ours.features.binary:
                for sender, receiver in ((ours, theirs), (theirs, ours)):
                    sending = partial(sender.send, frame)
                    got = together([sending, partial(receiver.receive, self.patience)], "1 MB", self.limit)[1]
                    must(got == frame, "a frame of 1 MB arrives altered")

    @check
    def test_a_frame_at_the_limit_is_taken_and_one_above_it_ends_the_link(self) -> None:
        limit = 50_000
        for frame in ("x" * (limit + 1), b"x" * (limit + 1), "é" * (limit // 2 + 1)):
            ours, theirs = self._pair(max_frame=limit)
            if not ours.features.binary and isinstance(frame, bytes):
                continue
            theirs.send(frame[:limit] if len(frame) > limit else frame[: limit // 2])
            must(ours.receive(self.patience), "a frame as large as allowed does not come")
            threading.Thread(target=_send_and_drain, args=(theirs, frame), daemon=True).start()
            with refused("a frame above max_frame", LimitExceeded):
                ours.receive(self.patience)
            with refused("receive, after a frame above max_frame", LinkClosed):
                ours.receive(self.patience)

    @check
    def test_text_that_utf_8_cannot_carry_is_refused_and_the_link_goes_on(self) -> None:
        ours, theirs = self._pair()
        with refused("a lone surrogate", NotEncodable):
            ours.send("\ud800")
        ours.send("fine")
        same(theirs.receive(self.patience), "fine", "the frame after it")

    @check
    def test_both_directions_at_full_speed_do_not_block_each_other(self) -> None:
        ends, payload, count = self._pair(), "é" * 10_000, 60
        sending = [partial(_send_all, end, [payload] * count) for end in ends]
        reading = [partial(_receive_all, end, count, self.patience) for end in ends]
        got = together([*sending, *reading], "sending and receiving", self.limit)[2:]
        must(got == [[payload] * count] * 2, "frames were altered at full speed")

    @check
    def test_many_links_of_one_process_do_not_meet(self) -> None:
        hub = self._hub()
        connector, names = self.connector(), [f"satellite {number}" for number in range(6)]
        links = together([partial(connector.connect, self._dial(hub.endpoint))] * len(names), "opening", self.limit)
        for link, name in zip(links, names, strict=True):
            self._to_close(link)
            link.send(name)
        for theirs in [hub.links.get(timeout=self.patience) for _ in names]:
            theirs.send(theirs.receive(self.patience))
        same([link.receive(self.patience) for link in links], names, "what comes back on each link")

    # --- waiting ---

    @check
    def test_a_receive_that_times_out_says_so_and_loses_nothing(self) -> None:
        ours, theirs = self._pair()
        for timeout in (0.0, _MOMENT):
            with refused(f"receive({timeout}), and nothing comes", LinkTimeout) as caught:
                at_once(partial(ours.receive, timeout), f"receive({timeout})", self.patience)
            must(getattr(caught.error, "phase", ""), "LinkTimeout does not say in which phase")
            theirs.send(f"after {timeout}")
            same(ours.receive(self.patience), f"after {timeout}", "the frame after a time-out")

    @check
    def test_a_waiting_receive_gets_a_frame_as_soon_as_it_comes(self) -> None:
        ours, theirs = self._pair()
        waiting = self._waiting(ours)
        theirs.send("there")
        same(waiting(), "there", "what a waiting receive gets")

    @check
    def test_a_dead_peer_is_noticed(self) -> None:
        ours, _ = self._pair(keepalive=0.1, keepalive_timeout=0.1)
        if not ours.features.keepalive:
            skip("it has no keep-alive, and says so")
        with refused("receive, while the far end shows no sign of life", LinkClosed):
            at_once(ours.receive, "receive, with a keep-alive of 0.1 s", self.patience)

    # --- the end ---

    @check
    def test_frames_that_came_before_the_end_are_received(self) -> None:
        ours, theirs = self._pair()
        _send_all(theirs, [f"{number}" for number in range(20)])
        closing = threading.Thread(target=theirs.close, daemon=True)
        closing.start()
        got = [self._frame_or_end(ours, number) for number in range(20)]
        _same_frames(got, [f"{number}" for number in range(20)], ours.features)
        with refused("receive, after the last frame", LinkClosed):
            ours.receive(self.patience)

    @check
    def test_what_was_sent_before_our_close_arrives(self) -> None:
        ours, theirs = self._pair()
        last = "x" * 200_000
        _send_all(ours, [*(f"{number}" for number in range(20)), last])
        closing = threading.Thread(target=partial(ours.close, timeout=self.patience), daemon=True)
        closing.start()
        got = [self._frame_or_end(theirs, number) for number in range(21)]
        _same_frames(got, [*(f"{number}" for number in range(20)), last], ours.features)
        with refused("the hub's receive, after our close", LinkClosed):
            theirs.receive(self.patience)

    @check
    def test_the_peers_code_and_reason_are_handed_on(self) -> None:
        for code, reason in ((1000, ""), (1008, "invalid api key"), (4003, "genug für heute"), (1005, ""), (1006, "")):
            ours, theirs = self._pair()
            if not ours.features.close_codes:
                skip("it has no close codes, and says so")
            threading.Thread(target=theirs.close, args=(code, reason), daemon=True).start()
            for _ in range(2):
                with refused(f"receive, after a close with {code}", LinkClosed) as caught:
                    ours.receive(self.patience)
                error = caught.error
                told_us = (getattr(error, "code", None), getattr(error, "reason", None))
                same(told_us, (code, reason), "code and reason of LinkClosed")

    @check
    def test_our_own_code_reaches_the_hub(self) -> None:
        for code, reason in ((1000, "done"), (1005, ""), (1006, "")):
            ours, theirs = self._pair()
            if not ours.features.close_codes:
                skip("it has no close codes, and says so")
            threading.Thread(target=ours.close, args=(code, reason), daemon=True).start()
            with refused(f"the hub's receive, after our close with {code}", LinkClosed) as caught:
                theirs.receive(self.patience)
            error = caught.error
            same((getattr(error, "code", None), getattr(error, "reason", None)), (code, reason), "what the hub is told")

    @check
    def test_after_the_end_every_call_says_that_the_link_is_closed(self) -> None:
        for who in (0, 1):
            pair = self._pair()
            ours = pair[0]
            threading.Thread(target=partial(pair[who].close, timeout=0.1), daemon=True).start()
            for _ in range(3):
                with refused("receive, after the end", LinkClosed):
                    ours.receive(self.patience)
            with refused("send, after the end", LinkClosed):
                ours.send("too late")

    @check
    def test_a_close_from_another_thread_ends_a_waiting_receive_at_once(self) -> None:
        ours, _ = self._pair()
        waiting = self._waiting(ours)
        at_once(partial(ours.close, timeout=0.1), "close, while a receive waits", self.patience)
        with refused("a waiting receive, after close", LinkClosed):
            waiting()

    @check
    def test_close_returns_in_time_though_the_peer_does_not_answer(self) -> None:
        ours, _ = self._pair()
        at_once(partial(ours.close, timeout=0.1), "close(timeout=0.1)", self.patience)

    @check
    def test_close_returns_in_time_though_a_send_is_stuck(self) -> None:
        """The far end does not read: whatever there is of buffers is full."""
        ours, _ = self._pair()
        stuck, ended = threading.Event(), threading.Event()

        def pour() -> None:
            with suppress(LinkError):
                for number in range(40):
                    ours.send("x" * 500_000)
                    if number == 4:
                        stuck.set()
            stuck.set()
            ended.set()

        threading.Thread(target=pour, daemon=True).start()
        stuck.wait(0.5)
        at_once(partial(ours.close, timeout=0.1), "close(timeout=0.1), while a send is stuck", self.patience)
        must(ended.wait(self.patience), "a send that was stuck goes on after close")

    @check
    def test_close_may_be_called_by_anyone_any_number_of_times(self) -> None:
        ours, _ = self._pair()
        together([partial(ours.close, 1000, "bye", 0.1)] * 5, "close, by five threads", self.patience)
        for _ in range(3):
            at_once(ours.close, "close, once more", self.patience)

    @check
    def test_a_close_during_a_send_is_no_other_error(self) -> None:
        for _ in range(5):
            ours, theirs = self._pair()
            threading.Thread(target=_drain, args=(theirs,), daemon=True).start()

            def pour(transport: Transport = ours) -> None:
                with suppress(LinkClosed):
                    for _ in range(10_000):
                        transport.send("x" * 1000)
                        transport.receive(0)

            with ours_alone("send, while another thread closes"), suppress(LinkTimeout):
                together([pour, partial(ours.close, timeout=0.1)], "sending and closing", self.limit)

    @check
    def test_nothing_is_left_of_links_that_were_closed(self) -> None:
        with leftovers(self.patience) as left:
            hub = self._hub()
            for _ in range(5):
                ours, theirs = self._connect(hub), hub.links.get(timeout=self.patience)
                ours.send("x")
                theirs.receive(self.patience)
                theirs.close(timeout=0.1)
                ours.close(timeout=0.1)
            self.teardown_method()
        same(left, [], "threads and file descriptors that are left")

    @check
    def test_neither_reprs_nor_errors_hold_a_secret(self) -> None:
        hub = self._hub()
        ours, theirs = self._connect(hub), hub.links.get(timeout=self.patience)
        endpoint, token = hub.endpoint, self._dial(hub.endpoint).token
        secrets = [token, *filter(None, (getattr(self.credentials, one) for one in Credentials.__slots__))]
        hides(secrets, "the repr", ours, ours.features, self.connector())
        attempts: list[Callable[[], Any]] = [partial(ours.receive, 0)]
        if self.network:
            silent = self.entered(talking_server(b"", stays=True))
            attempts += [
                partial(self._connect_to, dead_port()),
                partial(self._connect_to, silent, timeout=0.2),
                partial(self._connect_to, self.entered(talking_server(b"HTTP/1.1 500 no\r\n\r\n"))),
                lambda: self.connector().connect(self._dial(replace(endpoint, host="no-such-host.invalid"))),
            ]
        attempts += [
            partial(theirs.close, 1008, "no", 0.1),
            partial(ours.receive, self.patience),
            lambda: ours.send(""),
        ]
        for attempt in attempts:
            with ours_alone("what goes wrong with a link") as caught:
                attempt()
            hides(secrets, f"a {type(caught.error).__name__}", *told(caught.error))

    # --- all of it ---

    @check
    def test_a_satellite_talks_to_the_embedded_hub_over_it(self) -> None:
        from .conversation import conversation

        with conversation(self.credentials, patience=self.patience) as talk, self.serving(talk.hub.serve) as endpoint:
            talk.over(endpoint, transport=self.connector())

    # --- inside ---

    def _needs_network(self) -> None:
        if not self.network:
            skip("it connects to no network")

    def _hub(self) -> Hub:
        hub = Hub()
        hub.endpoint = self.entered(self.serving(hub.accept))
        self.after(hub.over.set)
        return hub

    def _dial(self, endpoint: Endpoint, **options: Any) -> Dial:
        return Dial(endpoint, self.credentials, "conformance", **{"timeout": self.patience, **options})

    def _connect(self, hub: Hub, **options: Any) -> Transport:
        link = self.connector().connect(self._dial(hub.endpoint, **options))
        return self._to_close(link)

    def _connect_to(self, port: int, **options: Any) -> Transport:
        endpoint = Endpoint(self.scheme, "127.0.0.1", port)
        link = self.connector().connect(self._dial(endpoint, **options))
        return self._to_close(link)

    def _to_close(self, link: Transport) -> Transport:
        """When the check is over; a close that hangs keeps nothing else from being cleaned up."""
        self.after(partial(at_once, partial(link.close, 1006, "", 0.1), "close(1006)", self.patience))
        return link

    def _pair(self, **options: Any) -> tuple[Transport, Transport]:
        """Both ends of a new link: ours, the hub's."""
        hub = self._hub()
        ours = self._connect(hub, **options)
        return ours, hub.links.get(timeout=self.patience)

    def _passes(self, sender: Transport, receiver: Transport, features: TransportFeatures) -> None:
        frames = [one for one in FRAMES if features.binary or isinstance(one, str)]
        sending = partial(_send_all, sender, frames)
        got = together([sending, partial(_receive_all, receiver, len(frames), self.patience)], "frames", self.limit)[1]
        _same_frames(got, frames, features)
        same([type(one) for one in got], [type(one) for one in frames], "text is text, and bytes are bytes")

    def _waiting(self, transport: Transport) -> Callable[[], Frame]:
        """A receive that waits already. -> what it comes to"""
        result: queue.Queue[Any] = queue.Queue()
        begun = threading.Event()

        def wait() -> None:
            begun.set()
            try:
                result.put(transport.receive())
            except BaseException as error:  # noqa: BLE001  it is raised below
                result.put(error)

        threading.Thread(target=wait, daemon=True).start()
        begun.wait(self.patience)
        with suppress(queue.Empty):
            result.put(result.get(timeout=_MOMENT))  # it waits by now

        def outcome() -> Frame:
            try:
                found = result.get(timeout=self.patience)
            except queue.Empty:
                raise AssertionError("a waiting receive goes on waiting") from None
            if isinstance(found, BaseException):
                raise found
            frame: Frame = found
            return frame

        return outcome

    def _frame_or_end(self, transport: Transport, number: int) -> Frame:
        try:
            return transport.receive(self.patience)
        except LinkError as error:
            raise AssertionError(f"frame {number} is lost: {type(error).__name__}") from error


@contextmanager
def _websocket_server(accept: Acceptor, **options: Any) -> Iterator[Endpoint]:
    from ..listener import Listener

    listener = Listener(accept, **options)
    listener.start()
    try:
        yield Endpoint("ws", "127.0.0.1", listener.port)
    finally:
        listener.stop()


def _never(*_: object) -> None:
    """Nobody gets in."""


def _send_all(transport: Transport, frames: list[Frame] | list[str]) -> None:
    for frame in frames:
        transport.send(frame)


def _receive_all(transport: Transport, count: int, timeout: float) -> list[Frame]:
    return [transport.receive(timeout) for _ in range(count)]


def _same_frames(got: list[Frame], sent: list[Any], features: TransportFeatures) -> None:
    if features.ordered:
        wrong = next((number for number, (one, other) in enumerate(zip(got, sent, strict=True)) if one != other), None)
        must(wrong is None, f"frame {wrong} is another one than was sent, or came out of order")
    else:
        same(sorted(map(repr, got)), sorted(map(repr, sent)), "the frames, in any order")


def _drain(transport: Transport) -> None:
    with contextlib.suppress(HiveMindError):
        while True:
            transport.receive()


def _send_and_drain(transport: Transport, frame: Frame) -> None:
    with suppress(HiveMindError):
        transport.send(frame)
        _drain(transport)
