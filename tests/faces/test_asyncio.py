"""What only the asyncio face has: cancelling, coroutine callbacks, iterators, a loop that is never blocked."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from link_kit import CLIENT, KEY, PASSWORD, PRESHARED, catalogue

from hivemind_sdk import AsyncHiveMessageBusClient, AsyncSatellite, BusMessage, State
from hivemind_sdk.delivery import Outcome, Queue
from hivemind_sdk.errors import NotConnected, SettingsError
from hivemind_sdk.settings import Backoff, Callbacks, Credentials, Endpoint, Settings
from hivemind_sdk.testing import Hub, MemoryState

LONG = 20.0


@pytest.fixture
def hub():
    with Hub([CLIENT], "4.6.1a1", catalogue=catalogue()).start() as running:
        yield running


def settings(hub, **changes):
    return Settings(
        Endpoint("ws", "127.0.0.1", hub.port),
        Credentials(KEY, PASSWORD, PRESHARED),
        **{"handshakes": ("preshared",), "backoff": Backoff(first=0.02, cap=0.05), **changes},
    )


def made(hub, **changes):
    return AsyncSatellite(settings(hub, **changes), catalogue(), identity=MemoryState())


def on_asyncio(work):
    return asyncio.run(work)


def on_uvloop(work):
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed: it has no wheel for this system")
    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def on_anyio(work):
    anyio = pytest.importorskip("anyio", reason="anyio is not installed")

    async def main():
        async with anyio.create_task_group():  # its cancel scopes are around all that we do
            return await work

    return anyio.run(main, backend="asyncio")


@pytest.fixture(params=[on_asyncio, on_uvloop, on_anyio], ids=["asyncio", "uvloop", "anyio"])
def run(request):
    return request.param


def utterance(text):
    return BusMessage("recognizer_loop:utterance", {"utterances": [text]})


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def no_more_than(before):
    """The hub, which is in this process, lets its ends go a moment later."""
    for _ in range(500):
        if descriptors() <= before:
            return True
        await asyncio.sleep(0.01)
    return False


async def settled(hub):
    """The tasks that are left once everything had its turn; our own excepted."""
    for _ in range(200):
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if not left and not hub.peers:
            return []
        await asyncio.sleep(0.01)
    return left


async def cancelled_at_each_step(begin, most=100_000):
    """Run `begin()` again and again, cancelled one turn of the loop later each time, until it ends by itself.

    Yields once for each run, after its end. What takes many turns waits for a thread or the hub in nearly all of them:
    these are passed over faster and faster.
    """
    turns = 0
    while turns < most:
        task = asyncio.ensure_future(begin())
        for _ in range(turns):
            if task.done():
                break
            await asyncio.sleep(0)
        if task.done():
            found = await task
            if isinstance(found, AsyncSatellite):
                await found.close()
            return
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        yield turns
        turns += 1 + turns // 50
    raise AssertionError(f"it did not end within {most} turns")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts descriptors in /proc")
def test_connect_can_be_cancelled_at_every_step(run, hub):
    async def walk():
        async with made(hub):
            pass  # what is loaded once is there
        await settled(hub)
        before, steps = descriptors(), 0
        satellite = None

        async def begin():
            nonlocal satellite
            satellite = made(hub)
            await satellite.connect()

        async for _ in cancelled_at_each_step(begin):
            steps += 1
            if satellite is not None:
                await satellite.close()
            assert await settled(hub) == []
            assert await no_more_than(before)
        await satellite.close()
        assert await settled(hub) == []
        return steps

    assert run(walk()) > 3


def test_ask_emit_and_close_can_be_cancelled_at_every_step(run, hub, tmp_path):
    async def walk():
        async with made(hub, durable=str(tmp_path / "outbox.db")) as satellite:

            async def ask():
                assert [one.data["utterance"] for one in await satellite.ask("hello", timeout=LONG)] == ["echo: hello"]

            async for _ in cancelled_at_each_step(ask):
                assert satellite.status.state is State.READY
            async for _ in cancelled_at_each_step(
                lambda: satellite.emit(BusMessage("speak"), delivery=Queue(600.0, durable=True))
            ):
                assert satellite.status.state is State.READY
            await ask()
            assert await satellite.flush(LONG)
        assert await settled(hub) == []
        satellite = None

        async def close():
            nonlocal satellite
            satellite = made(hub)
            await satellite.connect()
            await satellite.close()

        async for _ in cancelled_at_each_step(close):
            if satellite is not None:
                await satellite.close()
            assert await settled(hub) == []

    run(walk())


def test_coroutine_callbacks_run_side_by_side_and_each_in_order(run, hub):
    async def main():
        first, second = asyncio.Event(), asyncio.Event()
        heard = []

        async def waits(message):
            first.set()
            await second.wait()  # which only the other callback brings
            heard.append(message.data["number"])

        async def brings(_message):
            await first.wait()
            second.set()

        async with made(hub) as satellite:
            satellite.on_bus("count", waits)
            satellite.on_bus("count", brings)
            for number in range(20):
                satellite.deliver(BusMessage("count", {"number": number}))
            assert await satellite.wait_idle(LONG)
        return heard

    assert run(main()) == list(range(20))


def test_a_coroutine_callback_that_raises_is_reported_and_may_close(run, hub):
    async def main():
        async with made(hub) as satellite:

            async def fails(_message):
                raise RuntimeError("mine")

            async def closes(_message):
                await satellite.close()

            satellite.on_bus("now", fails)
            satellite.on_bus("now", closes)
            satellite.deliver(BusMessage("now"))
            status = await satellite.wait_for(State.CLOSED, timeout=LONG)
            assert sum(satellite.counters.callback_failures.values()) == 1
            return status.state

    assert run(main()) is State.CLOSED


def test_too_many_waiting_callbacks_are_dropped_and_counted(run, hub):
    async def main():
        async with made(hub, callbacks=Callbacks(waiting=5)) as satellite:
            gate = asyncio.Event()

            async def waits(_message):
                await gate.wait()

            satellite.on_bus("count", waits)
            await asyncio.sleep(0)
            for _ in range(20):
                satellite.deliver(BusMessage("count"))
            gate.set()
            return sum(satellite.counters.dropped.values())

    assert run(main()) >= 10


def test_an_iterator_goes_on_over_reconnects_drops_the_oldest_and_ends_with_the_satellite(run, hub):
    async def main():
        async with made(hub) as satellite:
            stream = satellite.messages("count", limit=3)
            for number in range(5):
                satellite.deliver(BusMessage("count", {"number": number}))
            assert stream.dropped == 2
            assert [(await stream.__anext__()).data["number"] for _ in range(3)] == [2, 3, 4]
            await satellite.drop()
            await satellite.wait_for(State.BACKOFF, timeout=LONG)
            await satellite.wait_for(State.READY, timeout=LONG)
            peers = await asyncio.to_thread(hub.wait_for, lambda hub: hub.peers)
            peers[-1].send_bus(BusMessage("count", {"number": 5}))
            assert (await stream.__anext__()).data["number"] == 5
            waiting = asyncio.ensure_future(stream.__anext__())
            await asyncio.sleep(0)
        with pytest.raises(StopAsyncIteration):
            await waiting

    run(main())


def test_status_changes_can_be_iterated(run, hub):
    async def main():
        satellite = made(hub)
        seen = []
        async with satellite.statuses() as changes:
            await satellite.connect()
            await satellite.close()
            async for status in changes:
                seen.append(status.state)
                if status.state is State.CLOSED:
                    break
        return seen

    assert run(main()) == [State.CONNECTING, State.HANDSHAKE, State.READY, State.CLOSED]


def test_wait_for_and_time_outs_of_asyncio_end_every_wait(run, hub):
    async def main():
        async with made(hub) as satellite:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(satellite.wait_for(State.BACKOFF), 0.01)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(satellite.messages("never").__anext__(), 0.01)
            receipt = await satellite.emit(utterance("x"))
            assert receipt.state is Outcome.SENT
        with pytest.raises(NotConnected):
            await satellite.emit(utterance("late"))

    run(main())


def test_a_slow_plain_callback_does_not_block_the_loop(run, hub):
    async def main():
        async with made(hub) as satellite:
            satellite.on_bus("speak", lambda _message: time.sleep(0.3))
            started = time.monotonic()
            satellite.deliver(BusMessage("speak"))
            for _ in range(20):
                await asyncio.sleep(0)
            assert [one.data for one in await satellite.ask("hello")]
            return time.monotonic() - started

    assert run(main()) < 0.3


def test_plain_callbacks_that_hang_keep_no_other_from_connecting(run, hub):
    go_on = threading.Event()

    async def main():
        hung = []
        try:
            for _ in range(10):  # more than there are threads for our own work
                hung.append(made(hub))
                hung[-1].on_bus("speak", lambda _message: go_on.wait(LONG))
                await hung[-1].connect()
                hung[-1].deliver(BusMessage("speak"))
            async with made(hub) as other:
                assert [one.data for one in await other.ask("hello")]
        finally:
            go_on.set()
            for one in hung:
                await one.close()

    run(main())


def test_it_can_be_created_off_the_loop_and_that_can_be_cancelled_at_every_step(run, hub, tmp_path):
    async def main():
        store = str(tmp_path / "outbox.db")
        arguments = (settings(hub, durable=store), catalogue())
        async with await AsyncSatellite.create(*arguments, identity=MemoryState()) as satellite:
            assert [one.data for one in await satellite.ask("hello")]
        with pytest.raises(SettingsError):
            await AsyncHiveMessageBusClient.create("key", "password")  # no host

        async def create():
            return await AsyncSatellite.create(*arguments, identity=MemoryState())

        async for _ in cancelled_at_each_step(create):
            assert await settled(hub) == []
            await (await create()).close()  # the file is free: who was cancelled has closed it

    run(main())


def test_two_loops_on_two_threads_have_their_own_links(run, hub):
    async def main():
        async with made(hub) as satellite:
            return [one.data["utterance"] for _ in range(20) for one in await satellite.ask("hello")]

    async def both():
        return await asyncio.gather(asyncio.to_thread(run, main()), asyncio.to_thread(run, main()))

    assert run(both()) == [["echo: hello"] * 20] * 2


@pytest.mark.parametrize("what", ["connect", "close"])
def test_a_loop_that_ends_meanwhile_destroys_no_task_of_a_callback(hub, what):
    """The end of a link is told while `asyncio.run` cancels all tasks: callbacks that hear it must not be left over."""
    told = []

    async def heard(_status):
        for _ in range(30):  # longer than the loop goes on once all tasks are cancelled
            await asyncio.sleep(0)

    async def main(turns):
        asyncio.get_running_loop().set_exception_handler(lambda _, about: told.append(about["message"]))
        satellite = made(hub)
        satellite.on_state(heard)
        if what == "close":
            await satellite.connect()
            assert await satellite.wait_idle(LONG)
        meanwhile = asyncio.ensure_future(getattr(satellite, what)())
        for _ in range(turns):
            await asyncio.sleep(0)
        return meanwhile

    for turns in range(1, 9):
        asyncio.run(main(turns))
        gc.collect()
    assert told == []
