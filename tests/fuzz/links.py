"""Whole handshakes with one frame changed on its way: at either end nothing but our own errors may come out."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from fuzz.mutate import mutated
from link_kit import ENCODINGS, Ends
from noise_links import QuickArgon2id, copy_of

from hivemind_sdk.contracts import Frame
from hivemind_sdk.engine.connection import run_compute
from hivemind_sdk.testing import MemoryState

HANDSHAKES = ("password", "noise", "noise again", "preshared", "rsa")
WEIGHTS = (30, 20, 20, 20, 1)
"""RSA computes for most of a second"""
VALUES: tuple[Any, ...] = (None, True, 0, -1, 2**70, 1.5, "", "x" * 5000, "\ud800", [], [[]], {}, {"a": {}}, "00" * 48)


@contextmanager
def quick() -> Iterator[None]:
    """Slow derivations, which are slow on purpose, take no time."""
    pbkdf2 = mock.patch(
        "hivemind_handshakes.password.hashlib.pbkdf2_hmac",
        lambda *given, **_: hashlib.sha256(repr(given).encode()).digest(),
    )
    argon2 = mock.patch("hivemind_primitives.argon2id.CffiArgon2id.derive", QuickArgon2id.derive)
    with pbkdf2, argon2:
        yield


class Known:
    """Ends that have met: the next Noise handshake of theirs is a KKpsk0."""

    def __init__(self) -> None:
        self.states = MemoryState(), MemoryState()
        Ends("noise", states=self.states).agree()

    def again(self) -> Ends:
        return Ends("noise", states=tuple(map(copy_of, self.states)))


def handshake(kind: str, known: Known, chance: random.Random, others: list[bytes]) -> bool:
    """One handshake with a frame or two changed, repeated or left out. -> whether both ends still agreed

    Raises what an end raises.
    """
    ends = known.again() if kind == "noise again" else Ends(kind, encodings=ENCODINGS)
    victim = chance.randrange(6)
    try:
        for _ in range(40):
            moved = False
            for sender, receiver in ((ends.hub, ends.satellite), (ends.satellite, ends.hub)):
                for frame in sender.frames_to_send():
                    moved = True
                    victim -= 1
                    for one in changed(chance, frame, others) if victim < 0 and chance.random() < 0.7 else (frame,):
                        run_compute(receiver, receiver.receive(one))
            if not moved:
                break
    finally:
        ends.satellite.close()
        ends.hub.close()
    return ends.satellite.info is not None and ends.hub.info is not None


def changed(chance: random.Random, frame: Frame, others: list[bytes]) -> list[Frame]:
    how = chance.randrange(10)
    if how == 0:
        return []
    if how == 1:
        return [frame, frame]
    if how == 2:
        return [chance.choice(others).decode("utf-8", "surrogateescape"), frame]
    if isinstance(frame, bytes):
        return [mutated(chance, frame, others)]
    if how < 5:
        return [mutated(chance, frame.encode(), others).decode("utf-8", "surrogateescape")]
    message = json.loads(frame)
    change_value(chance, message)
    return [json.dumps(message)]


def change_value(chance: random.Random, value: Any) -> None:
    """Change, take out or add one value somewhere inside."""
    while True:
        if isinstance(value, dict) and not value:
            value[chance.choice("abc")] = chance.choice(VALUES)
            return
        key = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
        inner = value[key]
        if isinstance(inner, (dict, list)) and inner and chance.random() < 0.8:
            value = inner
            continue
        action = chance.randrange(4)
        if action == 0:
            del value[key]
        elif action == 1 and isinstance(inner, str):
            value[key] = mutated(chance, inner.encode(errors="surrogatepass"), [b"00"]).decode(errors="replace")
        elif action == 2 and isinstance(value, dict):
            value[chance.choice((key + "x", "envelope", "noise", "pubkey"))] = chance.choice(VALUES)
        else:
            value[key] = chance.choice(VALUES)
        return
