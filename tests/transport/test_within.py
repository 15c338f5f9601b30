"""A wait with a limit on asyncio: a cancel that comes with the result counts, and what was acquired is given back."""

from __future__ import annotations

import asyncio

import pytest

from hivemind_sdk.sockets.within import within


def test_a_cancel_that_comes_together_with_the_result_is_not_lost():
    async def run():
        lock, released = asyncio.Lock(), []
        await lock.acquire()
        waiting = asyncio.ensure_future(within(lock.acquire(), 10.0, lambda _: released.append(lock.release())))
        for _ in range(3):  # its task has begun, and waits
            await asyncio.sleep(0)
        lock.release()
        while not lock.locked():  # noqa: ASYNC110 - the waiter has it; who waits for the waiter does not know yet
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert released == [None]
        assert not lock.locked()

    asyncio.run(run())


def test_work_has_ended_when_the_time_is_over():
    async def run():
        ended = []

        async def work():
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(True)

        with pytest.raises(asyncio.TimeoutError):
            await within(work(), 0.01)
        assert ended == [True]

    asyncio.run(run())


def test_what_comes_while_it_is_being_cancelled_is_a_result_and_errors_are_its_own():
    async def run():
        async def late():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return "frame"

        async def fails():
            raise OSError("its own")

        assert await within(late(), 0.01) == "frame"
        assert await within(asyncio.sleep(0, "soon"), None) == "soon"
        with pytest.raises(OSError, match="its own"):
            await within(fails(), 10.0)

    asyncio.run(run())
