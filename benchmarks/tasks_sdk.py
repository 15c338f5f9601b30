"""The SDK's side of each task."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import tasks_public
from each import each
from echo_peer import PASSWORD, answer
from ovos_bus_client.message import Message
from payloads import ANSWER, AUDIO, KEY, SIZES, bus_object
from worker import Run

from hivemind_sdk import (
    BusMessage,
    HiveMessage,
    HiveMessageBusClient,
    HiveMessageType,
    HiveMindBinaryPayloadType,
    NodeIdentity,
)
from hivemind_sdk.contracts import Form, SessionInfo, TransportFeatures
from hivemind_sdk.contracts.envelope import EnvelopeSession
from hivemind_sdk.engine.codec import decode_binary, encode_binary, encode_text
from hivemind_sdk.engine.connection import Received, run_compute
from hivemind_sdk.plugins.crypto_suite import CryptoSuite
from hivemind_sdk.plugins.instances import Instances
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.testing import Hub, HubClient

BUS, BINARY = HiveMessageType.BUS, HiveMessageType.BINARY


PROFILES = {"binary": "4.6.1a1", "noise": "5.3.10a1"}
"""link -> what the hub passes for"""


def bus(size: str, *msg_type: str) -> HiveMessage:
    fields = bus_object(size, *msg_type)
    return HiveMessage(BUS, BusMessage(fields["type"], fields["data"], fields["context"]))


def encode(size: str, compressed: bool) -> Run:
    message = bus(size)
    return each(lambda: encode_binary(message, compress=compressed))


def decode(size: str, compressed: bool) -> Run:
    frame = encode_binary(bus(size), compress=compressed)
    return each(lambda: decode_binary(frame))


def encode_audio() -> Run:
    message = HiveMessage(BINARY, AUDIO, bin_type=HiveMindBinaryPayloadType.RAW_AUDIO)
    return each(lambda: encode_binary(message))


def decode_audio() -> Run:
    frame = encode_binary(HiveMessage(BINARY, AUDIO, bin_type=HiveMindBinaryPayloadType.RAW_AUDIO))
    return each(lambda: decode_binary(frame))


def session(cipher: str) -> EnvelopeSession:
    crypto = CryptoSuite(Instances(load()))
    info = SessionInfo(protocol=2, handshake="password", cipher=cipher, encoding="JSON-HEX")
    return EnvelopeSession(info, crypto.cipher(cipher).bind(KEY), crypto.nonce_size(cipher))


def seal(form: Form, cipher: str, size: str) -> Run:
    plaintext, sealing = b"x" * SIZES[size], session(cipher)
    return each(lambda: sealing.seal(form, plaintext))


def unseal(form: Form, cipher: str, size: str) -> Run:
    opening = session(cipher)  # its own frames it would refuse, as reflected
    [frame] = session(cipher).seal(form, b"x" * SIZES[size])
    return each(lambda: opening.open(frame))


class InPlace:
    """A transport whose far end is a hub's link, run in place by `send`: no socket, no thread.

    After the handshake, `feed` hands frames to the client, and what the client sends is dropped.
    """

    features = TransportFeatures()

    def __init__(self, profile: str, *, binarize: bool) -> None:
        self.hub = Hub([HubClient("k", password=PASSWORD)], profile, binarize=binarize)
        self.link = self.hub.link_for(HubClient("k", password=PASSWORD), "bench::1")
        self.inbox: queue.SimpleQueue[str | bytes] = queue.SimpleQueue()
        self.dropping = False

    def connect(self, _: Any) -> InPlace:
        self.link.start()
        self._pass_on()
        return self

    def send(self, frame: str | bytes) -> None:
        if self.dropping:
            return
        for event in run_compute(self.link, self.link.receive(frame)):
            if isinstance(event, Received) and (again := answer(event.message)):
                self.link.send(again)
        self._pass_on()

    def receive(self, timeout: float | None = None) -> str | bytes:  # noqa: ARG002  the hub always answers
        return self.inbox.get()

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        pass

    def sealed(self, message: HiveMessage, form: Form) -> str | bytes:
        """One frame, as the hub would send it."""
        plaintext = encode_binary(message) if form is Form.BINARY else encode_text(message).encode()
        [frame] = self.link._session.seal(form, plaintext)
        return frame

    def _pass_on(self) -> None:
        for frame in self.link.frames_to_send():
            self.inbox.put(frame)


def in_place(link: str = "binary") -> tuple[HiveMessageBusClient, InPlace]:
    binary = link == "binary"
    transport = InPlace(PROFILES[link], binarize=binary)
    identity = NodeIdentity(str(Path(mkdtemp(dir=Path.home())) / "identity.json"))  # each hub has keys of its own
    client = HiveMessageBusClient(
        key="k", password=PASSWORD, host="ws://127.0.0.1", transport=transport, binarize=binary, identity=identity
    )
    client.connect()
    transport.dropping = True
    return client, transport


def receive(form: Form, size: str) -> Run:
    """From a frame that the transport hands over until the application's callback has run, in a burst."""
    client, transport = in_place()
    frame = transport.sealed(bus(size, ANSWER), form)
    done, left = threading.Event(), 0

    def callback(_: Message) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    client.on_mycroft(ANSWER, callback)

    def run(number: int) -> None:
        nonlocal left
        left = number
        done.clear()
        for _ in range(number):
            transport.inbox.put(frame)
        assert done.wait(60)

    return run


def receive_one(form: Form, size: str) -> Run:
    """The same, the next frame only when the callback has run."""
    client, transport = in_place()
    frame = transport.sealed(bus(size, ANSWER), form)
    heard: queue.SimpleQueue[Message] = queue.SimpleQueue()
    client.on_mycroft(ANSWER, heard.put)

    def run(number: int) -> None:
        for _ in range(number):
            transport.inbox.put(frame)
            heard.get(timeout=60)

    return run


def emit(link: str, size: str) -> Run:
    client, _ = in_place(link)
    fields = bus_object(size)
    message = Message(fields["type"], fields["data"], fields["context"])
    return each(lambda: client.emit(HiveMessage(BUS, message)))


def versions() -> dict[str, str]:
    from importlib.metadata import version

    wanted = ("hivemind-satellite-sdk", "cryptography", "pycryptodome", "websocket-client", "ovos-bus-client")
    return {name: version(name) for name in wanted}


FORMS = {"binary": Form.BINARY, "JSON": Form.TEXT}
TASKS: dict[str, Callable[..., Any]] = {
    "versions": versions,
    **{f"encode plain {size}": partial(encode, size, False) for size in SIZES},
    **{f"encode compressed {size}": partial(encode, size, True) for size in SIZES},
    **{f"decode plain {size}": partial(decode, size, False) for size in SIZES},
    **{f"decode compressed {size}": partial(decode, size, True) for size in SIZES},
    "encode audio": encode_audio,
    "decode audio": decode_audio,
    **{
        f"{verb} {name} {cipher} {size}": partial(task, form, cipher, size)
        for verb, task in (("seal", seal), ("open", unseal))
        for name, form in FORMS.items()
        for cipher in ("AES-GCM", "CHACHA20-POLY1305")
        for size in ("100 B", "1 kB")
    },
    **{f"receive {name} 1 kB": partial(receive, form, "1 kB") for name, form in FORMS.items()},
    **{f"receive one {name} 1 kB": partial(receive_one, form, "1 kB") for name, form in FORMS.items()},
    **{f"emit {link} {size}": partial(emit, link, size) for link in PROFILES for size in SIZES},
    **tasks_public.TASKS,
}
