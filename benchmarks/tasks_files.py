"""A FILE of 8 MB up: CPU time until the peer has it, and the most memory. Names that an earlier build has too."""

from __future__ import annotations

import os
import queue
import time
import tracemalloc
from functools import partial
from typing import Any

from payloads import ANSWER, bus_object
from tasks_public import open_client
from worker import Run

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType

SIZE = 8_000_000
_CHUNK = 65_000
_WITHIN = 60.0
_HEAD = bytes((0x82, 0x80 | 127))
"""of a whole binary message with a mask and eight bytes of length"""


def upload(key: str) -> tuple[Any, bytes]:
    """-> what sends a file and waits until the peer has read it, and the file"""
    client = open_client(key)
    client.connect()
    data = os.urandom(SIZE)
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    client.on_mycroft(ANSWER, answers.put)
    fields = bus_object("100 B")
    last = HiveMessage(HiveMessageType.BUS, BusMessage(fields["type"], fields["data"], fields["context"]))
    metadata = {"file_name": "file.bin"}

    def send() -> None:
        client.emit(HiveMessage(HiveMessageType.BINARY, data, metadata, bin_type=HiveMindBinaryPayloadType.FILE))
        client.emit(last)
        answers.get(timeout=_WITHIN)

    return send, data


def file(key: str) -> Run:
    send, _ = upload(key)

    def run(number: int) -> None:
        for _ in range(number):
            send()

    return run


def peak(key: str) -> float:
    """The most memory, the file included, as a multiple of the file."""
    send, _ = upload(key)
    send()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    send()
    most = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return 1 + most / SIZE


def bare(chunk: int) -> Run:
    """AES-GCM, in pieces of this size, and send, with a mask of zeros."""
    import tasks_floor

    data, socket = os.urandom(SIZE), tasks_floor.opened("sink").sock
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    aead, counter = AESGCM(bytes(32)), tasks_floor.nonces()

    def run(number: int) -> tuple[float, float]:
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(number):
            for start in range(0, SIZE, chunk):
                sealed = aead.encrypt(next(counter), memoryview(data)[start : start + chunk], None)
                socket.sendall(_HEAD + len(sealed).to_bytes(8, "big") + bytes(4))
                socket.sendall(sealed)
        return time.perf_counter() - wall, time.process_time() - cpu

    return run


LINKS = {"v1 binary": ("prompt-binary", SIZE), "v3": ("prompt-noise", _CHUNK)}
TASKS = {
    **{f"file {link}": partial(file, key) for link, (key, _) in LINKS.items()},
    **{f"floor file {link}": partial(bare, chunk) for link, (_, chunk) in LINKS.items()},
    **{f"file peak {link}": partial(peak, key) for link, (key, _) in LINKS.items()},
}
