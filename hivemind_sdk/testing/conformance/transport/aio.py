"""What contracts.AsyncTransport promises beyond a plain transport: the loop goes on, and cancelling harms nothing."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import partial
from typing import Any, cast

from ....contracts import AsyncTransport, AsyncTransportConnector, Dial, Frame, Transport, TransportConnector
from ....errors import HiveMindError, LinkClosed
from ....settings import Endpoint
from ..bounded import start
from ..contract import check
from ..expect import at_once, refused, same
from ..leaks import leftovers
from ..servers import talking_server
from .ends import Ends
from .frames import Frames
from .links import MOMENT, drain, same_frames
from .on_loop import ConnectorOnLoop, Loop, TransportOnLoop, tasks_left
from .opening import Opening

_FRAMES = 40
"""how many a check sends; its calls are cancelled after other numbers of turns of the loop each time"""


class AsyncTransportContract(Ends, Frames, Opening):
    """Holds a contracts.AsyncTransport to its contract. Override `connector`, and `serving` unless it is a websocket.

    All checks of TransportContract are made through an event loop on a thread of its own, and more that only concern
    asyncio. The far end is a plain contracts.Transport, see TransportContract.
    """

    def connector(self) -> AsyncTransportConnector:
        """A new one. Called after `serving` was entered, where a check needs a server."""
        raise NotImplementedError

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it is checked on. To be overridden for another than asyncio's own."""
        return asyncio.new_event_loop()

    def setup_method(self) -> None:
        """Before each check; pytest calls it."""
        super().setup_method()
        self._loop = Loop(self.new_event_loop)

    def teardown_method(self) -> None:
        """After each check; pytest calls it."""
        try:
            super().teardown_method()
        finally:
            self._loop.stop(self.patience)

    # --- cancelling ---

    @check
    def test_a_receive_that_is_cancelled_loses_nothing(self) -> None:
        ours, theirs = self._link()
        sent = [f"{number}" for number in range(_FRAMES)]

        async def receive_and_cancel() -> list[Frame]:
            got: list[Frame] = []
            for number, frame in enumerate(sent):
                waiting = asyncio.ensure_future(ours.receive())
                await asyncio.sleep(0)
                theirs.send(frame)  # so that it arrives within the turns that follow
                got += await _cancelled_after(number % 10, waiting)
            while len(got) < len(sent):
                got.append(await asyncio.wait_for(ours.receive(), self.patience))
            return got

        got = at_once(partial(self._loop.call, receive_and_cancel()), "receiving what was cancelled", self.limit)
        same_frames(got, sent, ours.features)

    @check
    def test_a_drain_that_is_cancelled_loses_nothing(self) -> None:
        ours, theirs = self._link()
        sent = ["x" * 20_000 + f"{number}" for number in range(_FRAMES)]

        async def send_and_cancel() -> None:
            for turns, frame in enumerate(sent):
                ours.send([frame])
                await _cancelled_after(turns % 5, asyncio.ensure_future(ours.drain()))

        sending = start(partial(self._loop.call, send_and_cancel()), "sending")
        got = [theirs.receive(self.patience) for _ in sent]
        sending.join(self.patience)
        same_frames(got, sent, ours.features)

    @check
    def test_a_connect_that_is_cancelled_leaves_nothing(self) -> None:
        self._links_come_and_go(1)
        with leftovers(self.patience) as left:
            hub = self._hub()
            self._connect_and_cancel(self._dial(hub.endpoint))
            while not hub.links.empty():
                with refused("the hub's receive, where our connect was cancelled", LinkClosed):
                    hub.links.get().receive(self.patience)
            self.clean_up()
        same(left, [], "threads and file descriptors that are left of a connect that was cancelled")

    @check
    def test_a_connect_to_a_silent_server_that_is_cancelled_leaves_nothing(self) -> None:
        self._needs_network()
        self._links_come_and_go(1)
        with leftovers(self.patience) as left:
            port = self.entered(talking_server(b"", stays=True))
            self._connect_and_cancel(self._dial(Endpoint(self.scheme, "127.0.0.1", port), timeout=1.0), 100)
            self.clean_up()
        same(left, [], "threads and file descriptors that are left of a connect that was cancelled")

    def _connect_and_cancel(self, dial: Dial, most: int = 10_000) -> None:
        """Some turns of the loop later each time, until it ends by itself, or after `most` turns."""

        async def connect(turns: int) -> bool:
            links = await _cancelled_after(turns, asyncio.ensure_future(self.connector().connect(dial)))
            for link in links:
                await link.close(1006, "", 0.0)
            return bool(links)

        turns = 0
        while turns < most and not self._loop.call(connect(turns)):
            turns += 1 + turns // 10
        same(self._loop.call(tasks_left(self.patience)), [], "tasks that are left of a connect that was cancelled")

    @check
    def test_a_close_that_is_cancelled_ends_the_link_at_once(self) -> None:
        ours, _ = self._link()

        async def close_and_cancel() -> None:
            closing = asyncio.ensure_future(ours.close(1000, "", 2 * self.limit))
            await asyncio.sleep(MOMENT)
            await _cancelled_after(0, closing)

        at_once(partial(self._loop.call, close_and_cancel()), "a close that is cancelled", self.patience)
        with refused("receive, after a close that was cancelled", LinkClosed):
            at_once(partial(self._loop.call, ours.receive()), "receive, after a close", self.patience)
        same(self._loop.call(tasks_left(self.patience)), [], "tasks that are left of a close that was cancelled")

    @check
    def test_no_task_is_left_of_links_that_were_closed(self) -> None:
        ours, theirs = self._link()
        self._loop.call(_send(ours, "x"))
        theirs.receive(self.patience)
        theirs.close(timeout=0.1)
        self._loop.call(ours.close(timeout=0.1))
        same(self._loop.call(tasks_left(self.patience)), [], "tasks that are left")

    # --- the loop goes on ---

    @check
    def test_the_loop_goes_on_while_a_server_is_silent(self) -> None:
        self._needs_network()
        port = self.entered(talking_server(b"", stays=True))
        dialling = start(partial(self._connect_to, port, timeout=self.patience), "connect")
        self._goes_on("connect, to a server that is silent")
        with suppress(HiveMindError):
            dialling.join(self.limit)

    @check
    def test_the_loop_goes_on_while_the_far_end_reads_nothing(self) -> None:
        ours, theirs = self._link(send_timeout=self.patience)
        begun = threading.Event()

        async def pour() -> None:
            with suppress(LinkClosed):
                for _ in range(60):
                    ours.send(["x" * 500_000])
                    begun.set()
                    await ours.drain()

        pouring = start(partial(self._loop.call, pour()), "sending")
        begun.wait(self.patience)
        self._goes_on("send and drain, while the far end reads nothing")
        threading.Thread(target=drain, args=(theirs,), daemon=True).start()
        pouring.join(self.limit)

    @check
    def test_a_drain_gives_up_when_the_network_takes_nothing(self) -> None:
        ours, _ = self._link(send_timeout=0.2)

        async def pour() -> bool:
            """Returns whether all was taken."""
            for _ in range(60):
                ours.send(["x" * 500_000])
                await ours.drain()
            return True

        try:
            at_once(partial(self._loop.call, pour()), "drain, with a send_timeout of 0.2 s", self.patience)
        except LinkClosed:
            with refused("send, after drain gave up", LinkClosed):
                self._loop.call(_send(ours, "too late"))

    # --- the two ways to receive ---

    @check
    def test_receive_nowait_gives_what_is_there_in_turn_and_never_the_end(self) -> None:
        ours, theirs = self._link()
        same(self._now(ours), None, "receive_nowait, where nothing has come")
        for frame in ("0", "1", "2"):
            theirs.send(frame)
        got = [self._loop.call(asyncio.wait_for(ours.receive(), self.patience))]
        got += [self._frame_now(ours), self._loop.call(asyncio.wait_for(ours.receive(), self.patience))]
        same_frames(got, ["0", "1", "2"], ours.features)
        threading.Thread(target=partial(theirs.close, timeout=0.1), daemon=True).start()
        with refused("receive, after the end", LinkClosed):
            self._loop.call(asyncio.wait_for(ours.receive(), self.patience))
        same(self._now(ours), None, "receive_nowait, after the end")

    # --- helpers ---

    def _connector(self) -> TransportConnector:
        return ConnectorOnLoop(self._loop, self.connector())

    def _link(self, **options: Any) -> tuple[AsyncTransport, Transport]:
        """Both ends of a new link: ours, the hub's."""
        ours, theirs = self._pair(**options)
        return cast("TransportOnLoop", ours).right, theirs

    def _goes_on(self, what: str) -> None:
        """The loop must take its turns. Other work on it waits for no more than half of our patience."""
        turn = partial(self._loop.call, asyncio.sleep(0))
        at_once(turn, f"the event loop stands still in {what}: another task", self.patience / 2)

    def _now(self, link: AsyncTransport) -> Frame | None:
        async def now() -> Frame | None:
            return link.receive_nowait()

        return self._loop.call(now())

    def _frame_now(self, link: AsyncTransport) -> Frame:
        """By receive_nowait alone, which has it as soon as it has come."""

        async def look() -> Frame:
            while (frame := link.receive_nowait()) is None:  # noqa: ASYNC110 - it must see it without being woken
                await asyncio.sleep(0.001)
            return frame

        return at_once(partial(self._loop.call, look()), "receive_nowait", self.patience)


async def _send(link: AsyncTransport, frame: Frame) -> None:
    link.send([frame])


async def _cancelled_after(turns: int, call: asyncio.Future[Any]) -> list[Any]:
    """Cancel it after so many turns of the loop. Returns what it came to before, if it did."""
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    with suppress(asyncio.CancelledError):
        return [await call]
    return []
