"""Area `noise` of negative.json: a hostile handshake message, a wrong pin, frames (wire-v3.md section 4)."""

from __future__ import annotations

import hashlib
from typing import Any

from hivemind_sdk.contracts import Role
from hivemind_sdk.settings import Limits

from .case import Case
from .fields import CaseProblem, Fields, unhex
from .noise import begin, x25519
from .noise_primitive import Noise, NoiseState

PAYLOAD = b"{}"
"""of every handshake message, unless the case says otherwise"""
SECOND = 96
"""bytes that message 2 of XXpsk2 has at least"""


def perform(case: Case, given: Fields) -> Any:
    """-> what came out. Raises what rejects it."""
    if "frames_hex" in given:
        return _frames(case, given)
    if "pinned_seed" in given:
        return _wrong_pin(case, given)
    return _message(case, given)


def _message(case: Case, given: Fields) -> bytes:
    message = given.hex("message_hex")
    own = given.hex("psk_hex")
    reader_psk = given.hex("reader_psk_hex") if "reader_psk_hex" in given else own
    writer_psk = given.hex("writer_psk_hex") if "writer_psk_hex" in given else own
    second = _is_second(case, given, message)
    client = begin(case.engine, given, "client", psk=reader_psk if second else writer_psk)
    server = begin(case.engine, given, "server", psk=writer_psk if second else reader_psk)
    reader, made = server, client.write(PAYLOAD)
    if second:
        server.read(made)
        reader, made = client, server.write(PAYLOAD)
    if writer_psk != own or case.fields.part("expect").text("verdict") == "accept":
        case.same("input.message_hex", message.hex(), made.hex())  # nothing but the keys is wrong with this one
    return reader.read(message)


def _is_second(case: Case, given: Fields, message: bytes) -> bool:
    """A message begins with its sender's ephemeral key; one that was changed there is known by its length."""
    for end in ("client", "server"):
        ephemeral = x25519(case.engine).public(given.hex(f"{end}_ephemeral_private_hex"))
        if message.startswith(ephemeral):
            return end == "server"
    return len(message) >= SECOND


def _wrong_pin(case: Case, given: Fields) -> bytes:
    seed = hashlib.sha256(given.text("pinned_seed").encode()).digest()
    client = begin(case.engine, given, "client", pin=x25519(case.engine).public(seed))
    server = begin(case.engine, given, "server")
    server.read(client.write(PAYLOAD))
    return client.read(server.write(PAYLOAD))


def _frames(case: Case, given: Fields) -> list[Any]:
    """A client's frames, as a hub gets them."""
    if given.text("handshake_payloads") != "all empty":
        raise CaseProblem("input.handshake_payloads: only `all empty` is known")
    plaintexts = [unhex(text, "input.plaintexts_hex") for text in given.take("plaintexts_hex")]
    frames = [unhex(text, "input.frames_hex") for text in given.take("frames_hex")]
    client, server = _agreed(case, given)
    send, _ = client.split()
    sent = [send.encrypt(plaintext) for plaintext in plaintexts]
    sizes = {len(frame) for frame in sent}
    case.true("input.frames_hex: not of the size of input.plaintexts_hex", {len(frame) for frame in frames} == sizes)
    if len(set(frames) - set(sent)) > 1:
        case.differences.append("input.frames_hex: more than one frame is not of input.plaintexts_hex")
    noise: Noise = case.engine.crypto.primitive("NOISE")
    session = noise.session(server, Role.HUB, given.take("reassembly_cap") or Limits().reassembly)
    opened = [session.open(frame) for frame in frames]
    body = b"".join(plaintext[1:] for plaintext in plaintexts)
    found = b"".join(message[1] for message in opened if message is not None)
    case.same("the messages that came out", body.hex(), found.hex())
    return opened


def _agreed(case: Case, given: Fields) -> tuple[NoiseState, NoiseState]:
    client, server = begin(case.engine, given, "client"), begin(case.engine, given, "server")
    writer, reader = client, server
    while not writer.finished:
        reader.read(writer.write(b""))
        writer, reader = reader, writer
    return client, server
