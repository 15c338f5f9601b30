"""What is fed with single inputs: the decoders of frames and encodings, the sessions of both kinds of link."""

from __future__ import annotations

import random
from collections.abc import Callable

from crypto_kit import BuiltinCrypto
from fuzz import providers
from fuzz.mutate import LIMITS, mutated
from noise_kit import INFO

from hivemind_noise.session import CipherState, NoiseSession
from hivemind_noise.state import SUITES
from hivemind_sdk.contracts import Form, Frame, Role, SessionInfo
from hivemind_sdk.contracts.envelope import EnvelopeSession
from hivemind_sdk.engine.codec import ENCODINGS, decode_binary, decode_text, encode_binary, encode_text
from hivemind_sdk.errors import NotEncodable
from hivemind_sdk.messages import HiveMessage

Target = Callable[[bytes, random.Random, list[bytes]], None]
"""given an input, chance, and other inputs; raises RemoteProtocolError where the input is refused"""


def looked_at(message: HiveMessage) -> None:
    """All that a program does with a received message works, and what it would send on is read as the same again."""
    inner = message
    while isinstance(inner, HiveMessage):
        repr((inner, inner.route, inner.target_peers))
        inner = inner.payload
    message.forward(source_peer="me").update_hop_data()
    if message.msg_type != "bin" and decode_text(encode_text(message)) != message:
        raise AssertionError("what was sent on is read as something else")
    try:
        frame = encode_binary(message, compress=None)
    except NotEncodable:
        return
    if decode_binary(frame).payload != message.payload:
        raise AssertionError("a binary frame of it has another payload")


def decoded_text(name: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        decoded = ENCODINGS[name].decode(text)
        if len(ENCODINGS[name].encode(decoded).rstrip("=")) != len(text.rstrip("=")):
            raise AssertionError(f"{name} has taken text that no encoder writes")

    return run


def opened_envelope(name: str) -> Target:
    """A v1/v2 session; half of the frames that it gets were sealed with its key, and then changed or not."""
    info = SessionInfo(protocol=2, handshake="fuzz", cipher=name, encoding="JSON-B91")
    session = EnvelopeSession(info, CRYPTO.cipher(name).bind(bytes(32)), CRYPTO.nonce_size(name))

    def run(data: bytes, chance: random.Random, others: list[bytes]) -> None:
        form = chance.choice(list(Form))
        if chance.random() < 0.5:
            (frame,) = session.seal(form, data)
            data = frame.encode() if isinstance(frame, str) else frame
            if chance.random() < 0.7:
                data = mutated(chance, data, others)
        taken(session.open(data if form is Form.BINARY else data.decode("utf-8", "surrogateescape")))

    return run


def opened_noise(data: bytes, chance: random.Random, others: list[bytes]) -> None:
    """A Noise session: frames sealed as they should be, then one of them changed, left out, repeated or moved."""
    sender, receiver = noise_ends()
    frames: list[Frame] = []
    for piece in (data, chance.choice(others), data * chance.choice((1, 1, 200))):
        frames += sender.seal(chance.choice(list(Form)), piece)
    at = chance.randrange(len(frames))
    frame = frames[at]
    frames[at : at + 1] = chance.choice(([frame], [], [frame, frame], [mutated(chance, bytes(frame), others)], [data]))
    if chance.random() < 0.2:
        chance.shuffle(frames)
    for one in frames:
        taken(receiver.open(one))


def opened_chunks(data: bytes, chance: random.Random, others: list[bytes]) -> None:
    """A Noise session: whatever is inside of frames that decrypt, markers and all."""
    sender, receiver = noise_ends(reassembly=4096)
    for _ in range(chance.randrange(1, 8)):
        piece = chance.choice((data, chance.choice(others)))[:2048]
        taken(receiver.open(sender._encrypt(bytes([chance.choice((0, 1, 2, 3, 4, 5, 5, 255))]) + piece)))


def noise_ends(reassembly: int = 1 << 20) -> list[NoiseSession]:
    """Both ends of one direction, over a fixed key."""
    suite = SUITES["25519_ChaChaPoly_SHA256"]
    states = [CipherState(NOISE_AEAD, suite.nonce) for _ in range(2)]
    return [NoiseSession(INFO, state, state, role=Role.SATELLITE, reassembly=reassembly) for state in states]


def taken(opened: tuple[Form, bytes] | None) -> None:
    if opened is not None:
        form, plaintext = opened
        looked_at((decode_binary if form is Form.BINARY else decode_text)(plaintext, LIMITS))


def alone(decode: Callable[[bytes], None]) -> Target:
    """A target that needs nothing but its input."""
    return lambda data, _chance, _others: decode(data)


CRYPTO = BuiltinCrypto()
NOISE_AEAD = CRYPTO.cipher("CHACHA20-POLY1305").bind(bytes(32))
FRAMES: dict[str, Callable[[bytes], None]] = {
    "text": lambda data: looked_at(decode_text(data, LIMITS)),
    "str": lambda data: looked_at(decode_text(data.decode("utf-8", "surrogateescape"), LIMITS)),
    "binary": lambda data: looked_at(decode_binary(data, LIMITS)),
}
TARGETS: dict[str, Target] = {
    **{name: alone(decode) for name, decode in FRAMES.items()},
    **{name: alone(decode) for name, decode in providers.targets().items()},
    **{name: alone(decoded_text(name)) for name in ENCODINGS},
    **{f"envelope {name}": opened_envelope(name) for name in CRYPTO.cipher_names},
    "noise": opened_noise,
    "noise chunks": opened_chunks,
}
