"""The reference client's side of each task, through its public names. Run by the Python of its own environment."""

from __future__ import annotations

import queue
from collections.abc import Callable
from functools import partial
from typing import Any

from each import each
from echo_peer import PASSWORD, peer_port
from hivemind_bus_client import HiveMessage, HiveMessageBusClient, HiveMessageType, encryption, protocol
from hivemind_bus_client.encryption import decrypt_bin, decrypt_from_json, encrypt_as_json, encrypt_bin
from hivemind_bus_client.message import HiveMindBinaryPayloadType
from hivemind_bus_client.serialization import decode_bitstring, get_bitstring
from ovos_bus_client.message import Message
from ovos_utils.fakebus import FakeBus
from payloads import ANSWER, AUDIO, KEY, SIZES, bus_object
from poorman_handshake import HandShake
from tasks_clients import ClientTasks
from worker import Run

BUS, BINARY = HiveMessageType.BUS, HiveMessageType.BINARY


def bus(size: str, *msg_type: str) -> Message:
    fields = bus_object(size, *msg_type)
    return Message(fields["type"], fields["data"], fields["context"])


def encode(size: str, compressed: bool) -> Run:
    message = bus(size)
    return each(lambda: get_bitstring(BUS, message, compressed=compressed, hivemeta={}).bytes)


def decode(size: str, compressed: bool) -> Run:
    frame = get_bitstring(BUS, bus(size), compressed=compressed).bytes
    return each(lambda: decode_bitstring(frame))


def audio_frame() -> bytes:
    kind = HiveMindBinaryPayloadType.RAW_AUDIO
    return get_bitstring(BINARY, AUDIO, compressed=True, hivemeta={}, binary_type=kind).bytes


def decode_audio() -> Run:
    frame = audio_frame()
    return each(lambda: decode_bitstring(frame))


def seal(form: str, cipher: str, size: str) -> Run:
    plaintext = "x" * SIZES[size]
    if form == "binary":
        data = plaintext.encode()
        return each(lambda: encrypt_bin(KEY, data, cipher))
    return each(lambda: encrypt_as_json(KEY, plaintext, cipher, "JSON-HEX"))


def unseal(form: str, cipher: str, size: str) -> Run:
    plaintext = "x" * SIZES[size]
    if form == "binary":
        frame = encrypt_bin(KEY, plaintext.encode(), cipher)
        return each(lambda: decrypt_bin(KEY, frame, cipher))
    text = encrypt_as_json(KEY, plaintext, cipher, "JSON-HEX")
    return each(lambda: decrypt_from_json(KEY, text, cipher, "JSON-HEX"))


class Sink:
    """What takes the place of the socket."""

    def send(self, *_: Any) -> None:
        pass


def unconnected() -> HiveMessageBusClient:
    """A client as it is after its handshake, whose socket was never opened."""
    client = HiveMessageBusClient(key="k", password=PASSWORD, host="ws://127.0.0.1", port=1)
    client.protocol = protocol.HiveMindSlaveProtocol(client, site_id="unknown", identity=client.identity, binarize=True)
    client.protocol.bind(FakeBus())
    client.client = Sink()
    client.crypto_key = KEY
    client.connected_event.set()
    client.handshake_event.set()
    return client


def sealed(message: Message, form: str, client: HiveMessageBusClient) -> str | bytes:
    if form == "binary":
        return encrypt_bin(KEY, get_bitstring(BUS, message, compressed=True).bytes, client.cipher)
    return encrypt_as_json(KEY, HiveMessage(BUS, message).serialize(), client.cipher, client.json_encoding)


def receive(form: str, size: str) -> Run:
    client = unconnected()
    frame = sealed(bus(size, ANSWER), form, client)
    heard: queue.SimpleQueue[Message] = queue.SimpleQueue()
    client.on_mycroft(ANSWER, heard.put)

    def run(number: int) -> None:
        for _ in range(number):
            client.on_message(frame)
        for _ in range(number):
            heard.get(timeout=60)

    return run


def emit(size: str) -> Run:
    client, message = unconnected(), bus(size)
    return each(lambda: client.emit(HiveMessage(BUS, message)))


def open_client(key: str) -> HiveMessageBusClient:
    client = HiveMessageBusClient(key=f"{key}-reference", password=PASSWORD, host="ws://127.0.0.1", port=peer_port())
    HandShake(client.identity.private_key)  # makes the RSA key where there is none: once for each node, not each link
    return client


def audio(client: HiveMessageBusClient, data: bytes) -> None:
    client.emit(HiveMessage(BINARY, data), binary_type=HiveMindBinaryPayloadType.RAW_AUDIO)


def probe_once() -> None:
    """Let the probe for the CPU's features run once: two hundred of them would take minutes, and change no memory."""
    found = encryption.optimal_ciphers()
    protocol.optimal_ciphers = lambda: found


def versions() -> dict[str, str]:
    from importlib.metadata import version

    return {
        name: version(name) for name in ("hivemind_bus_client", "pycryptodomex", "websocket-client", "ovos-bus-client")
    }


FORMS = ("binary", "JSON")
TASKS: dict[str, Callable[..., Any]] = {
    "versions": versions,
    "probe once": probe_once,
    **{f"encode plain {size}": partial(encode, size, False) for size in SIZES},
    **{f"encode compressed {size}": partial(encode, size, True) for size in SIZES},
    **{f"decode plain {size}": partial(decode, size, False) for size in SIZES},
    **{f"decode compressed {size}": partial(decode, size, True) for size in SIZES},
    "encode audio": lambda: each(audio_frame),
    "decode audio": decode_audio,
    **{
        f"{verb} {form} {cipher} {size}": partial(task, form, cipher, size)
        for verb, task in (("seal", seal), ("open", unseal))
        for form in FORMS
        for cipher in ("AES-GCM", "CHACHA20-POLY1305")
        for size in ("100 B", "1 kB")
    },
    **{f"receive {form} 1 kB": partial(receive, form, "1 kB") for form in FORMS},
    **{f"receive one {form} 1 kB": partial(receive, form, "1 kB") for form in FORMS},
    "emit binary 1 kB": partial(emit, "1 kB"),
    **ClientTasks(open_client, Message, lambda message: HiveMessage(BUS, message), audio).tasks(),
}
