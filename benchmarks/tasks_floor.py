"""The bare primitives that the work can't do without: JSON, zlib, one copy, one cipher call, one websocket."""

from __future__ import annotations

import base64
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

from each import each
from echo_peer import peer_port
from payloads import AUDIO, KEY, SIZES, bus_object
from worker import Run

_ENVELOPE: dict[str, Any] = {
    "metadata": {},
    "route": [],
    "node": None,
    "target_site_id": None,
    "target_pubkey": None,
    "source_peer": None,
}
"""what a text frame has beside type and payload"""


def encode(size: str, compressed: bool) -> Run:
    message = bus_object(size)
    if compressed:
        return each(lambda: zlib.compress(json.dumps(message).encode()))
    return each(lambda: json.dumps(message).encode())


def decode(size: str, compressed: bool) -> Run:
    text = json.dumps(bus_object(size)).encode()
    if compressed:
        block = zlib.compress(text)
        return each(lambda: json.loads(zlib.decompress(block)))
    return each(lambda: json.loads(text))


def copy() -> Run:
    return each(lambda: bytes(memoryview(AUDIO)))


def seal(cipher: str, size: str) -> Run:
    plaintext = os.urandom(SIZES[size])
    aead, nonce_size = _cipher(cipher)
    return each(lambda: aead.encrypt(os.urandom(nonce_size), plaintext, None))


def unseal(cipher: str, size: str) -> Run:
    plaintext = os.urandom(SIZES[size])
    aead, nonce_size = _cipher(cipher)
    nonce = os.urandom(nonce_size)
    sealed = aead.encrypt(nonce, plaintext, None)
    return each(lambda: aead.decrypt(nonce, sealed, None))


def _cipher(name: str) -> tuple[Any, int]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

    return (AESGCM(KEY), 16) if name == "AES-GCM" else (ChaCha20Poly1305(KEY), 12)


def opened(link: str) -> Any:
    """A bare websocket to the peer: `mirror` or `sink`."""
    import websocket

    token = base64.b64encode(f"floor:prompt-{link}-floor".encode()).decode()
    url = f"ws://127.0.0.1:{peer_port()}/?authorization={token}"
    return websocket.create_connection(url, skip_utf8_validation=True)


def nonces() -> Iterator[bytes]:
    """As Noise counts them."""
    return (number.to_bytes(12, "little") for number in count())


def receive(size: str) -> Run:
    """Fresh frames, sealed before: decrypt and read strictly, in one loop, without a socket."""
    from hivemind_sdk.messages.strict_json import loads

    text = json.dumps({"msg_type": "bus", "payload": bus_object(size), **_ENVELOPE}).encode()
    aead, _ = _cipher("CHACHA20-POLY1305")
    sealing, opening = nonces(), nonces()

    def run(number: int) -> tuple[float, float]:
        frames = [aead.encrypt(next(sealing), text, None) for _ in range(number)]
        cpu, wall = time.process_time(), time.perf_counter()
        for frame in frames:
            loads(aead.decrypt(next(opening), frame, None))
        return time.perf_counter() - wall, time.process_time() - cpu

    return run


def send(size: str) -> Run:
    """JSON, seal, frame with a mask, and send, in one loop."""
    from websockets.frames import Frame, Opcode

    message = {"msg_type": "bus", "payload": bus_object(size), **_ENVELOPE}
    aead, _ = _cipher("CHACHA20-POLY1305")
    socket, counter = opened("sink").sock, nonces()

    def run(number: int) -> None:
        for _ in range(number):
            sealed = aead.encrypt(next(counter), json.dumps(message).encode(), None)
            socket.sendall(Frame(Opcode.BINARY, sealed).serialize(mask=True))

    return run


def plain_round_trip(size: str) -> Run:
    """websocket-client and json, nothing sealed; the peer sends it back unread."""
    socket, message = opened("mirror"), bus_object(size)

    def run(number: int) -> None:
        for _ in range(number):
            socket.send(json.dumps(message))
            json.loads(socket.recv())

    return run


def round_trip(size: str, link: str) -> Run:
    """The same bytes through websocket-client to the same peer, which sends them back unread."""
    import websocket

    socket = opened("mirror")
    if link == "binary":
        frame: Any = zlib.compress(json.dumps(bus_object(size)).encode()) + bytes(36)
        opcode = websocket.ABNF.OPCODE_BINARY
    else:
        frame = "0" * (2 * len(json.dumps(bus_object(size))) + 500)
        opcode = websocket.ABNF.OPCODE_TEXT

    def run(number: int) -> None:
        for _ in range(number):
            socket.send(frame, opcode)
            socket.recv()

    return run


TASKS: dict[str, Callable[[], Run]] = {
    **{f"floor json {size}": partial(encode, size, False) for size in SIZES},
    **{f"floor json+zlib {size}": partial(encode, size, True) for size in SIZES},
    **{f"floor json decode {size}": partial(decode, size, False) for size in SIZES},
    **{f"floor json+zlib decode {size}": partial(decode, size, True) for size in SIZES},
    "floor memcpy": copy,
    "floor receive noise 1 kB": partial(receive, "1 kB"),
    "floor send noise 1 kB": partial(send, "1 kB"),
    "floor round trip plain 1 kB": partial(plain_round_trip, "1 kB"),
    **{
        f"floor {verb} {cipher} {size}": partial(task, cipher, size)
        for verb, task in (("seal", seal), ("open", unseal))
        for cipher in ("AES-GCM", "CHACHA20-POLY1305")
        for size in ("100 B", "1 kB")
    },
    **{
        f"floor round trip {link} {size}": partial(round_trip, size, link)
        for link, size in (("binary", "1 kB"), ("binary", "10 kB"), ("JSON-HEX", "10 kB"))
    },
}
