"""Both faces behind one set of blocking calls, so that one test holds both: `Satellite`, and `AsyncSatellite` whose
event loop runs on a thread of its own.
"""

from __future__ import annotations

import asyncio
import threading

from hivemind_sdk import AsyncSatellite, BusMessage, Satellite

LONG = 20.0
"""seconds that nothing here takes, however busy the machine is"""
UTTERANCE = "recognizer_loop:utterance"
NEVER = 300.0


def utterance(text):
    return BusMessage(UTTERANCE, {"utterances": [text]})


def spoken(replies):
    return [reply.data["utterance"] for reply in replies]


class Silent:
    """An agent that answers nothing, and takes what it is sent."""

    def bus(self, message, peer): ...

    def binary(self, message, peer): ...


class Threaded:
    """The threaded face as it is."""

    name = "threads"

    def __init__(self, patience=LONG):
        """As the other face."""

    def make(self, *args, **kwargs):
        return Satellite(*args, **kwargs)

    def call(self, function, *args, **kwargs):
        """Call a method that blocks, or is a coroutine function, of the other face."""
        return function(*args, **kwargs)

    def all(self, answers):
        """All answers of a request."""
        return list(answers)

    def stop(self):
        """Nothing is left running."""


class Async:
    """The asyncio face on a loop of its own."""

    name = "asyncio"

    def __init__(self, patience=LONG):
        """`patience`: seconds that one call may take."""
        self.patience = patience
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def make(self, *args, **kwargs):
        async def make():
            return AsyncSatellite(*args, **kwargs)

        return self.run(make())

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(self.patience)

    def call(self, function, *args, **kwargs):
        async def call():
            result = function(*args, **kwargs)
            return await result if asyncio.iscoroutine(result) else result

        return self.run(call())

    def all(self, answers):
        async def collect():
            return await answers

        return self.run(collect())

    def stop(self):
        async def left():
            for _ in range(100):
                others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
                if not others:
                    return []
                await asyncio.wait(others, timeout=0.1)
            return others

        try:
            assert self.run(left()) == [], "tasks are left"
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(LONG)
            self.loop.close()


FACES = {"threads": Threaded, "asyncio": Async}
