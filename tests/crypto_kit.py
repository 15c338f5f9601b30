"""What the tests of ciphers, envelope and handshakes share: vectors, a Crypto of the built-ins, two sides that talk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hivemind_ciphers import hivemind_ciphers
from hivemind_primitives.pbkdf2 import HashlibPBKDF2
from hivemind_primitives.rsa import PycryptodomeRSA
from hivemind_sdk.contracts import Compute, Declined, Established, HandshakeContext, Role, Send
from hivemind_sdk.settings import Credentials

VECTORS = Path(__file__).parent / "vectors"
PROVIDERS = {record.name: record for record in hivemind_ciphers()}
RECORDS = {one.cipher: one for one in sorted(PROVIDERS.values(), key=lambda one: one.rank)}
"""for each cipher the provider that is preferred"""
RSA, PBKDF2 = PycryptodomeRSA(), HashlibPBKDF2()
ENCODINGS = ("JSON-B64", "JSON-HEX", "JSON-Z85B")


def vectors(name: str) -> dict[str, Any]:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def cases(name: str) -> list[Any]:
    """For parametrize: the cases of a file, named by their ids."""
    import pytest

    return [pytest.param(case, id=case["id"]) for case in vectors(name)["cases"]]


def negative(area: str) -> list[Any]:
    return [param for param in cases("negative") if param.values[0]["area"] == area]


KEYS = vectors("handshake_rsa")["keys"]


def bind(name: str, key: bytes) -> Any:
    """`name`: of a provider, or of a cipher."""
    return (PROVIDERS.get(name) or RECORDS[name]).create().bind(key)


class BuiltinCrypto:
    """A Crypto without a catalogue: the built-in ciphers and RSA."""

    cipher_names = tuple(RECORDS)

    def cipher(self, name: str) -> Any:
        return RECORDS[name].create()

    def nonce_size(self, name: str) -> int:
        return RECORDS[name].nonce_size

    def primitive(self, name: str) -> Any:
        return {"RSA": RSA, "PBKDF2": PBKDF2}[name]


def context(role: Role = Role.SATELLITE, **changes: Any) -> HandshakeContext:
    """What a legacy hub offers, or stores; `password` and `preshared_key` are put into the credentials."""
    secrets = {name: changes.pop(name, None) for name in ("password", "preshared_key")}
    key = KEYS["bob" if role is Role.SATELLITE else "alice"]["private_pem"]
    fields: dict[str, Any] = {
        "role": role,
        "authority": "hub:5678",
        "hello": {"pubkey": KEYS["alice"]["public_pem"], "peer": "x", "node_id": "master:0.0.0.0"},
        "offer": {"handshake": True, "min_protocol_version": 0, "max_protocol_version": 1, "binarize": True},
        "credentials": Credentials(access_key="K", **secrets),
        "crypto": BuiltinCrypto(),
        "state": None,
        "private_key": key,
        "ciphers": ("AES-GCM", "CHACHA20-POLY1305"),
        "encodings": ENCODINGS,
        "binarize": True,
    }
    return HandshakeContext(**{**fields, **changes})


def advance(script: Any, value: Any = None) -> Send | Established:
    """Run a script to its next Send or its end; slow work is done on the spot."""
    try:
        request = script.send(value)
        while isinstance(request, Compute):
            request = _resume(script, request)
    except StopIteration as stop:
        return stop.value
    return request


def _resume(script: Any, request: Compute) -> Any:
    try:
        result = request.work()
    except Exception as error:
        return script.throw(error)
    return script.send(result)


def wire(payload: Any) -> Any:
    """As it arrives at the other side."""
    return json.loads(json.dumps(payload))


def meet(handshake: Any, satellite: HandshakeContext, hub: HandshakeContext) -> tuple[Any, Any]:
    """Both sides through one handshake -> their sessions. A Declined is an assertion error."""
    script = handshake.satellite(satellite)
    assert not isinstance(script, Declined), script.reason
    step = advance(script)
    if isinstance(step, Established):
        return step.session, advance(handshake.hub(hub, {})).session
    answering = handshake.hub(hub, wire(step.payload))
    assert not isinstance(answering, Declined), answering.reason
    answer = advance(answering)
    assert isinstance(answer, Established), "the hub did not agree"
    return advance(script, wire(answer.send)).session, answer.session
