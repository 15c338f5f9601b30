"""Kind `noise`: keys from passwords, and whole Noise sessions with fixed keys (wire-v3.md section 4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from hivemind_sdk.contracts import X25519, Argon2id, Form, Role, Session
from hivemind_sdk.messages import JSONObject
from hivemind_sdk.settings import Credentials, Limits
from hivemind_sdk.testing.state import MemoryState

from .case import Case
from .engine import Engine
from .fields import CaseProblem, Fields
from .noise_primitive import Noise, NoiseState
from .scripts import context, replay, start

PROTOCOL = 3
ARGON2 = ("id", 19)
"""type and version"""
COSTS = {"time_cost": 3, "memory_kib": 65536, "parallelism": 1}
PSK_SIZE = 32
ENDS = {"client": "server", "server": "client"}
ROLES = {"client": Role.SATELLITE, "server": Role.HUB}
FORMS = {"json": Form.TEXT, "binary": Form.BINARY}


def run(case: Case) -> None:
    """Choose by `kind`."""
    kind = case.fields.text("kind")
    if kind not in PARTS:
        raise CaseProblem(f"a case of an unknown kind: {kind!r}")
    PARTS[kind](case)


def _psk(case: Case) -> None:
    fields, costs = case.fields, case.fields.part("argon2")
    salt = fields.hex("salt_hex")
    case.same("salt_hex", salt.hex(), hashlib.sha256(fields.text("node_id").encode()).hexdigest())
    case.same("argon2: type and version", [costs.take("type"), costs.take("version")], list(ARGON2))
    for name, cost in COSTS.items():
        case.same(f"argon2.{name}", costs.take(name), cost)
    case.same("argon2.hash_len", costs.take("hash_len"), PSK_SIZE)
    case.same("psk_hex", fields.hex("psk_hex").hex(), _derive(case.engine, fields.text("password"), salt).hex())


def _derive(engine: Engine, password: str, salt: bytes) -> bytes:
    argon2id: Argon2id = engine.crypto.primitive("ARGON2ID")
    return argon2id.derive(password.encode(), salt, size=PSK_SIZE, **COSTS)


# --- whole sessions ---------------------------------------------------------------------------------------------


def _session(case: Case) -> None:
    fields = case.fields
    name = f"Noise_{fields.text('pattern')}_{fields.text('suite')}"
    case.same("protocol_name", fields.text("protocol_name"), name)
    hello, offer = fields.take("hello_payload"), fields.take("offer_payload")
    prologue = canonical(hello) + canonical(offer) + name.encode()
    case.same("prologue_hex", fields.hex("prologue_hex").hex(), prologue.hex())
    salt = hashlib.sha256(hello["node_id"].encode()).digest()
    case.same("psk_hex", fields.hex("psk_hex").hex(), _derive(case.engine, fields.text("password"), salt).hex())
    _check_publics(case)

    states = {end: begin(case.engine, fields, end) for end in ENDS}
    messages = fields.parts("handshake")
    for message in messages:
        writer, reader = _ends(message, states)
        payload, recorded = message.hex("payload_hex"), message.hex("message_hex")
        case.same(message.name("message_hex"), recorded.hex(), writer.write(payload).hex())
        case.same(message.name("payload_hex"), payload.hex(), reader.read(recorded).hex())
    for end, state in states.items():
        case.true(f"handshake: not finished for the {end}", state.finished)
        case.same(f"handshake_hash_hex of the {end}", fields.text("handshake_hash_hex"), state.handshake_hash.hex())
        seen = fields.text(f"{end}_sees_{ENDS[end]}_static")
        case.same(f"{end}_sees_{ENDS[end]}_static", seen, state.remote_static.hex())

    noise: Noise = case.engine.crypto.primitive("NOISE")
    sessions = {end: noise.session(states[end], ROLES[end], Limits().reassembly) for end in ENDS}
    for part in fields.parts("transport"):
        _check_transport(case, part, sessions)
    _check_satellite(case, hello, offer, messages)


def canonical(value: Any) -> bytes:
    """The form in which HELLO and offer are bound to the handshake (wire-v3.md section 4.2)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def begin(engine: Engine, keys: Fields, end: str, psk: bytes | None = None, pin: bytes | None = None) -> NoiseState:
    """The state of this end, with the keys of the case. `psk` and `pin` instead of those of the case."""
    noise: Noise = engine.crypto.primitive("NOISE")
    own = {name: keys.hex(f"{name}_static_private_hex") for name in ENDS}
    publics = {name: x25519(engine).public(private) for name, private in own.items()}
    return noise.begin(
        engine.crypto,
        keys.text("pattern"),
        keys.text("suite"),
        initiator=end == "client",
        prologue=keys.hex("prologue_hex"),
        static=own[end],
        psk=psk or keys.hex("psk_hex"),
        random=replay(keys.hex(f"{end}_ephemeral_private_hex")),
        remote_static=(pin or publics[ENDS[end]]) if keys.text("pattern").startswith("KK") else None,
    )


def _check_publics(case: Case) -> None:
    for end in ENDS:
        public = x25519(case.engine).public(case.fields.hex(f"{end}_static_private_hex"))
        case.same(f"{end}_static_public_hex", case.fields.text(f"{end}_static_public_hex"), public.hex())


def x25519(engine: Engine) -> X25519:
    """The primitive that is installed."""
    primitive: X25519 = engine.crypto.primitive("X25519")
    return primitive


def _ends(part: Fields, ends: dict[str, Any]) -> tuple[Any, Any]:
    """-> what belongs to the sending end, what to the receiving one"""
    sender = part.text("from")
    if sender not in ENDS:
        raise CaseProblem(f"{part.name('from')}: {sender!r} is neither client nor server")
    return ends[sender], ends[ENDS[sender]]


def _check_transport(case: Case, part: Fields, sessions: dict[str, Session]) -> None:
    sender, receiver = _ends(part, sessions)
    form = FORMS.get(part.text("kind"))
    if form is None:
        raise CaseProblem(f"{part.name('kind')}: neither json nor binary")
    body, digest = _body(case, part), part.take("body_sha256")
    frames = [bytes(frame) for frame in sender.seal(form, body)]
    case.same(part.name("body_len"), part.take("body_len"), len(body))
    case.same(part.name("frames"), part.take("frames"), len(frames))
    case.same(part.name("frame_lens"), part.take("frame_lens"), [len(frame) for frame in frames])
    if "body_hex" in part:
        case.same(part.name("body_sha256"), digest, hashlib.sha256(body).hexdigest())
        case.same(part.name("frames_hex"), part.take("frames_hex"), [frame.hex() for frame in frames])
    *parts, last = [receiver.open(frame) for frame in frames]
    case.true(f"{part.name('frames')}: a part was taken for the whole", parts == [None] * len(parts))
    case.true(f"{part.name('frames')}: opened to something else", last == (form, body))


def _body(case: Case, part: Fields) -> bytes:
    """Long bodies are not recorded; one of the same length shows how it is cut, and moves the counters on."""
    if "body_hex" in part:
        return part.hex("body_hex")
    case.note = "a body is not recorded, so only the sizes of its frames were compared"
    return b"x" * int(part.take("body_len"))


def _check_satellite(case: Case, hello: JSONObject, offer: JSONObject, messages: list[Fields]) -> None:
    """The handshake plugin sends the recorded messages, where the recorded client negotiated as the offer says."""
    proposal = json.loads(messages[0].hex("payload_hex"))
    if proposal["binarize"] != offer["binarize"]:
        return
    fields = case.fields
    authority = "hub:5678"
    pins = {authority: fields.text("server_static_public_hex")} if fields.text("pattern").startswith("KK") else {}
    state = MemoryState(pinned_noise_keys=pins)
    state.write_secret("noise.key", fields.text("client_static_private_hex"))
    given = context(
        case.engine,
        Role.SATELLITE,
        authority=authority,
        hello=hello,
        offer=offer,
        credentials=Credentials("access-key", password=fields.text("password")),
        state=state,
        ciphers=(CIPHERS[fields.text("suite")],),
        encodings=tuple(proposal["encodings"]),
        binarize=proposal["binarize"],
        random=replay(fields.hex("client_ephemeral_private_hex")),
    )
    satellite = start(case.engine.handshake(PROTOCOL).satellite(given)).compute()
    satellite.reply({"noise": {"msg": messages[1].text("message_hex")}}).compute()
    sent = [payload["noise"]["msg"] for payload in satellite.sent]
    recorded = [message.text("message_hex") for message in messages if message.text("from") == "client"]
    case.same("handshake: what a satellite sends", recorded, sent)
    chosen = [satellite.session.info.pattern, satellite.session.info.suite]
    case.same("handshake: what a satellite chose", [fields.text("pattern"), fields.text("suite")], chosen)


CIPHERS = {"25519_ChaChaPoly_SHA256": "CHACHA20-POLY1305", "25519_AESGCM_SHA256": "AES-GCM"}


PARTS: dict[str, Callable[[Case], None]] = {"psk": _psk, "session": _session}
