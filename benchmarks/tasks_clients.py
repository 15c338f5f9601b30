"""What is done with a client in the same way whichever implementation it is: sending, receiving, connecting.

`open_client(key)` makes an unconnected one for the peer of `echo_peer`.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from payloads import ANSWER, AUDIO, BURST, DROP, bus_object
from worker import Run

OpenClient = Callable[[str], Any]
Wrap = Callable[[Any], Any]
Audio = Callable[[Any, bytes], Any]
_ANSWER_WITHIN = 30.0
_CHUNK = 640
"""bytes of audio that are 20 ms at 16 kHz"""


class ClientTasks:
    """The tasks, for one implementation.

    `open_client(key)` makes an unconnected client; `bus_message` makes a bus message of type, data and context, and
    `wrap` a HiveMessage of it; `audio` sends a chunk of RAW_AUDIO by a client.
    """

    def __init__(self, open_client: OpenClient, bus_message: Callable[..., Any], wrap: Wrap, audio: Audio) -> None:
        self._open, self._bus, self._wrap, self._audio = open_client, bus_message, wrap, audio
        self._clients: dict[str, Any] = {}

    def connected(self, key: str) -> Any:
        """One client for each kind of link."""
        if key not in self._clients:
            self._clients[key] = client = self._open(key)
            client.connect()
        return self._clients[key]

    def made(self, size: str, *kind: str) -> Any:
        fields = bus_object(size, *kind)
        return self._bus(fields["type"], fields["data"], fields["context"])

    def taken(self, client: Any) -> Callable[[], None]:
        """What waits until all that was sent has been written and read: one more round trip."""
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        client.on_mycroft(ANSWER, answers.put)
        last = self._wrap(self.made("100 B"))

        def wait() -> None:
            client.emit(last)
            answers.get(timeout=_ANSWER_WITHIN)

        return wait

    def send(self, key: str, size: str) -> Run:
        """From the call until the peer has read it; the peer does not answer."""
        client, message = self.connected(key), self.made(size, DROP)
        wait = self.taken(client)

        def run(number: int) -> None:
            for _ in range(number):
                client.emit(self._wrap(message))
            wait()

        return run

    def chunks(self, key: str) -> Run:
        client = self.connected(key)
        wait, data = self.taken(client), AUDIO[:_CHUNK]

        def run(number: int) -> None:
            for _ in range(number):
                self._audio(client, data)
            wait()

        return run

    def receive(self, key: str, size: str) -> Run:
        """Fresh frames in a burst that the peer has ready, until the last callback has run."""
        client = self.connected(key)
        done, left = threading.Event(), 0
        topic = f"{ANSWER}.{size.replace(' ', '-')}"

        def callback(_: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                done.set()

        client.on_mycroft(topic, callback)

        def run(number: int) -> None:
            nonlocal left
            left = number
            done.clear()
            client.emit(self._wrap(self._bus(BURST, {"count": number, "size": size, "topic": topic}, {})))
            assert done.wait(_ANSWER_WITHIN)

        return run

    def round_trip(self, key: str, size: str) -> Run:
        client = self._open(key)
        client.connect()
        message = self.made(size)
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        client.on_mycroft(ANSWER, answers.put)

        def run(number: int) -> None:
            for _ in range(number):
                client.emit(self._wrap(message))
                answers.get(timeout=_ANSWER_WITHIN)

        return run

    def connect(self, key: str, *, forget: bool = False) -> Run:
        """`forget`: the hub's pinned key, each time. Keys that were derived from the password are kept."""

        def run(number: int) -> float:
            total = 0.0
            for _ in range(number):
                if forget:
                    identity = self._open(key).identity
                    for hub in list(identity.pinned_noise_keys):
                        identity.forget_noise_key(hub)
                started = time.perf_counter()
                client = self._open(key)
                client.connect()
                total += time.perf_counter() - started
                client.close()
            return total

        return run

    def tasks(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "round trip binary 1 kB": partial(self.round_trip, "late-binary", "1 kB"),
            "round trip binary 10 kB": partial(self.round_trip, "late-binary", "10 kB"),
            "round trip JSON-HEX 10 kB": partial(self.round_trip, "late-hex", "10 kB"),
            "send noise 1 kB": partial(self.send, "prompt-noise", "1 kB"),
            "send late 1 kB": partial(self.send, "late-binary", "1 kB"),
            "audio noise": partial(self.chunks, "prompt-noise"),
            "receive noise 1 kB": partial(self.receive, "prompt-noise", "1 kB"),
            "receive noise 10 kB": partial(self.receive, "prompt-noise", "10 kB"),
            "receive late 1 kB": partial(self.receive, "late-binary", "1 kB"),
            "round trip noise 1 kB": partial(self.round_trip, "prompt-noise", "1 kB"),
            "round trip noise 10 kB": partial(self.round_trip, "prompt-noise", "10 kB"),
            "connect password": partial(self.connect, "prompt-binary"),
            "connect noise XX": partial(self.connect, "prompt-noise", forget=True),
            "connect noise KK": partial(self.connect, "prompt-noise"),
        }
