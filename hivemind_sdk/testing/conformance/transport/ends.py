"""The end of a link: nothing is lost before it, nobody waits after it, and nothing is left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from ....contracts import Transport
from ....errors import LinkClosed, LinkError, LinkTimeout
from ....settings import Credentials
from ..contract import check, skip
from ..expect import at_once, hides, must, ours_alone, refused, same, together, told
from ..leaks import leftovers
from ..servers import dead_port, talking_server
from .links import Links, drain, same_frames, send_all


class Ends(Links):
    """Checks of `close`, and of what a link leaves behind."""

    @check
    def test_frames_that_came_before_the_end_are_received(self) -> None:
        ours, theirs = self._pair()
        send_all(theirs, [f"{number}" for number in range(20)])
        closing = threading.Thread(target=theirs.close, daemon=True)
        closing.start()
        got = [self._frame_or_end(ours, number) for number in range(20)]
        same_frames(got, [f"{number}" for number in range(20)], ours.features)
        with refused("receive, after the last frame", LinkClosed):
            ours.receive(self.patience)

    @check
    def test_what_was_sent_before_our_close_arrives(self) -> None:
        ours, theirs = self._pair()
        last = "x" * 200_000

        def send_and_close() -> None:
            send_all(ours, [*(f"{number}" for number in range(20)), last])
            # a protocol without a farewell hangs up when its own time is over: before the hub's is
            ours.close(timeout=self.patience / 4)

        threading.Thread(target=send_and_close, daemon=True).start()
        got = [self._frame_or_end(theirs, number) for number in range(21)]
        same_frames(got, [*(f"{number}" for number in range(20)), last], ours.features)
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
            threading.Thread(target=drain, args=(theirs,), daemon=True).start()

            def pour(transport: Transport = ours) -> None:
                with suppress(LinkClosed):
                    for _ in range(10_000):
                        transport.send("x" * 1000)
                        transport.receive(0)

            with ours_alone("send, while another thread closes"), suppress(LinkTimeout):
                together([pour, partial(ours.close, timeout=0.1)], "sending and closing", self.limit)

    @check
    def test_nothing_is_left_of_links_that_were_closed(self) -> None:
        self._links_come_and_go(1)  # what is opened once, for all links of a process, is there
        with leftovers(self.patience) as left:
            self._links_come_and_go(5)
        same(left, [], "threads and file descriptors that are left")

    def _links_come_and_go(self, count: int) -> None:
        hub = self._hub()
        for _ in range(count):
            ours, theirs = self._connect(hub), hub.links.get(timeout=self.patience)
            ours.send("x")
            theirs.receive(self.patience)
            theirs.close(timeout=0.1)
            ours.close(timeout=0.1)
        self.clean_up()

    @check
    def test_neither_reprs_nor_errors_hold_a_secret(self) -> None:
        hub = self._hub()
        ours, theirs = self._connect(hub), hub.links.get(timeout=self.patience)
        endpoint, token = hub.endpoint, self._dial(hub.endpoint).token
        secrets = [token, *filter(None, (getattr(self.credentials, one) for one in Credentials.__slots__))]
        hides(secrets, "the repr", ours, ours.features, self._connector())
        attempts: list[Callable[[], Any]] = [partial(ours.receive, 0)]
        if self.network:
            silent = self.entered(talking_server(b"", stays=True))
            attempts += [
                partial(self._connect_to, dead_port()),
                partial(self._connect_to, silent, timeout=0.2),
                partial(self._connect_to, self.entered(talking_server(b"HTTP/1.1 500 no\r\n\r\n"))),
                lambda: self._connector().connect(self._dial(replace(endpoint, host="no-such-host.invalid"))),
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
