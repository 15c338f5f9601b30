"""While the link is with a fallback: does what engine/failback.py says, as a task."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from ..contracts import AsyncTransport, Frame
from ..contracts.status import State
from ..engine.connection import Greeted, SatelliteLink
from ..engine.failback import Ask, FailbackPlan, Leave
from ..engine.life import LinkLife, Wait
from ..errors import LinkTimeout
from ..sockets.within import within
from . import offload

log = logging.getLogger(__name__)
_LONGEST = 3600.0
"""seconds that one sleep takes at most"""


class AsyncHubs(Protocol):
    """The hubs that a link may go to, by number; 0 is the preferred one."""

    def name(self, hub: int) -> str:
        """Where it is, for people."""

    async def dial(self, hub: int) -> AsyncTransport:
        """Raises what AsyncTransportConnector.connect does."""

    def new_link(self, hub: int) -> SatelliteLink:
        """Our end of a new link to it. May block: call it off the loop."""

    def others(self, hub: int) -> bool:
        """See threads.failback.Hubs."""

    def turn(self, hub: int, now: float, every: float) -> float:
        """See threads.failback.Hubs."""

    async def answers(self, hub: int) -> bool | None:
        """Whether its port takes connections; None: it can't be looked at."""


class FailbackProbe:
    """One for each link to a fallback. The link in use is not touched: a probe is a link of its own, ended at HELLO."""

    def __init__(
        self,
        hubs: AsyncHubs,
        plan: FailbackPlan,
        life: LinkLife,
        *,
        busy: Callable[[], bool],
        leave: Callable[[], Awaitable[None]],
        greet_within: float,
    ) -> None:
        """`busy`: whether requests wait for answers on the link in use. `leave` ends it.

        `greet_within`: seconds for HELLO, once a transport is open.
        """
        self._hubs = hubs
        self._plan = plan
        self._life = life
        self._since = life.status.since
        self._busy = busy
        self._leave = leave
        self._greet_within = greet_within

    async def run(self) -> None:
        """Ends with the link, at the latest at the next step."""
        while self._holds:
            now = time.monotonic()
            step = self._plan.next_step(now, self._busy())
            if isinstance(step, Ask):
                self._plan.asked(step.hub, await self._greets(step.hub), time.monotonic())
            elif isinstance(step, Wait):
                await asyncio.sleep(min(step.until - now, _LONGEST))
            elif isinstance(step, Leave):
                log.info("going back to %s, which answers again", self._hubs.name(step.hub))
                self._life.going_back(step.hub)
                await self._leave()
                return
            else:
                self._plan.wait_until(self._life.not_back(now).next_try)

    @property
    def _holds(self) -> bool:
        """Whether the link is the one that got READY then."""
        status = self._life.status
        return status.state is State.READY and status.since == self._since

    async def _greets(self, hub: int) -> bool:
        """Whether this hub lets us in as far as its HELLO; then it is there, and knows our access key."""
        transport: AsyncTransport | None = None
        try:
            link = await offload.run(partial(self._hubs.new_link, hub))
            transport = await self._hubs.dial(hub)
            deadline = time.monotonic() + self._greet_within
            while True:
                frame = await receive(transport, deadline, time.monotonic)
                if any(isinstance(event, Greeted) for event in link.receive(frame)):
                    return True
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not harm the link in use
            log.debug("%s is not back: %s", self._hubs.name(hub), type(error).__name__)
            return False
        finally:
            if transport is not None:
                await transport.close(1000, "", 0.0)


async def receive(transport: AsyncTransport, deadline: float, clock: Callable[[], float]) -> Frame:
    """The next frame. Raises LinkTimeout at the deadline, whatever has come by then."""
    left = deadline - clock()
    if left <= 0:
        raise LinkTimeout(phase="receive")
    try:
        return await within(transport.receive(), left)
    except asyncio.TimeoutError as error:
        if isinstance(error, LinkTimeout):
            raise
        raise LinkTimeout(phase="receive") from None
