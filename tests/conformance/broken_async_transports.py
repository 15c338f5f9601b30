"""Asyncio transports with one fault each, around the built-in websocket."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from conformance.mutants import caught_by

from hivemind_sdk.errors import LinkClosed
from hivemind_sdk.testing import AsyncTransportContract
from hivemind_websocket import WebSocketConnector
from hivemind_websocket.aio import AsyncWebSocketConnector


class Wrapped:
    """A transport that does what the right one does; mutants override a part."""

    def __init__(self, right, dial):
        self.right, self.dial = right, dial
        self.features = right.features

    def send(self, frames):
        self.right.send(frames)

    async def drain(self):
        await self.right.drain()

    async def receive(self):
        return await self.right.receive()

    def receive_nowait(self):
        return self.right.receive_nowait()

    def probe(self, arrived):
        self.right.probe(arrived)

    async def close(self, code=1000, reason="", timeout=2.0):
        await self.right.close(code, reason, timeout)


class AsyncTwin(AsyncTransportContract):
    link = Wrapped

    def connector(self):
        return self

    async def connect(self, dial):
        return self.link(await AsyncWebSocketConnector().connect(dial), dial)


@caught_by("test_a_receive_that_is_cancelled_loses_nothing", patience=1.0)
class FrameInHandLost(AsyncTwin):
    class link(Wrapped):
        async def receive(self):
            frame = await self.right.receive()
            await asyncio.sleep(0)  # cancelled here, the frame is gone
            return frame


@caught_by("test_a_drain_that_is_cancelled_loses_nothing", patience=1.0)
class SentWhenDrained(AsyncTwin):
    class link(Wrapped):
        waiting = ()

        def send(self, frames):
            self.waiting = [*self.waiting, *frames]

        async def drain(self):
            frames, self.waiting = self.waiting, ()
            await asyncio.sleep(0)
            self.right.send(frames)
            await self.right.drain()


@caught_by("test_a_connect_that_is_cancelled_leaves_nothing", patience=0.5)
class ConnectGoesOnAlone(AsyncTwin):
    async def connect(self, dial):
        self.going = asyncio.ensure_future(super().connect(dial))
        return await asyncio.shield(self.going)


@caught_by("test_a_close_that_is_cancelled_ends_the_link_at_once", patience=0.5)
class CloseGoesOnAlone(AsyncTwin):
    class link(Wrapped):
        async def close(self, code=1000, reason="", timeout=2.0):
            await asyncio.shield(asyncio.ensure_future(self.right.close(code, reason, timeout)))


@caught_by("test_no_task_is_left_of_links_that_were_closed", patience=0.5)
class PingsForEver(AsyncTwin):
    async def connect(self, dial):
        self.pinging = asyncio.ensure_future(asyncio.sleep(3600))
        return await super().connect(dial)


@caught_by("test_the_loop_goes_on_while_a_server_is_silent", patience=1.0)
class BlocksTheLoop(AsyncTwin):
    async def connect(self, dial):
        return self.link(WebSocketConnector().connect(dial), dial)


@caught_by("test_a_drain_gives_up_when_the_network_takes_nothing", patience=1.0)
class DrainsForEver(AsyncTwin):
    async def connect(self, dial):
        return await super().connect(replace(dial, send_timeout=3600.0))


@caught_by("test_receive_nowait_gives_what_is_there_in_turn_and_never_the_end")
class NowaitTellsTheEnd(AsyncTwin):
    class link(Wrapped):
        ended = False

        async def receive(self):
            try:
                return await self.right.receive()
            except LinkClosed:
                self.ended = True
                raise

        def receive_nowait(self):
            if self.ended:
                raise LinkClosed("it has ended")
            return self.right.receive_nowait()


@caught_by("test_a_dead_peer_is_noticed", patience=1.0)
class KeepAliveThatIsNone(AsyncTwin):
    async def connect(self, dial):
        return await super().connect(replace(dial, keepalive=0.0))


@caught_by("test_frames_that_came_before_the_end_are_received")
class LastFrameLost(AsyncTwin):
    """Reads one frame ahead, and forgets it when the next thing that comes is the end."""

    class link(Wrapped):
        ahead = None

        async def receive(self):
            frame = self.ahead or await self.right.receive()
            with suppress(asyncio.TimeoutError):
                self.ahead = None
                self.ahead = await asyncio.wait_for(self.right.receive(), 0.3)
            return frame

        def receive_nowait(self):
            return None
