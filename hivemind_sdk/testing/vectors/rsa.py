"""Kind `handshake_rsa`: signed and encrypted secrets, one way and both ways (wire.md section 5.6)."""

from __future__ import annotations

import re
from collections.abc import Callable

from hivemind_sdk.contracts import Role
from hivemind_sdk.messages import JSONObject

from .case import Case
from .fields import CaseProblem, Fields, unhex
from .outcome import outcome
from .rawrsa import oaep_seed, pss_salt
from .scripts import DEFAULT_CIPHER, DEFAULT_ENCODING, Progress, context, has_key, start

PROTOCOL = 1
OFFER: JSONObject = {
    "handshake": True,
    "min_protocol_version": 1,
    "max_protocol_version": 1,
    "binarize": False,
    "preshared_key": False,
    "password": False,
    "crypto_required": True,
}
STOCK_FAILURE = "TypeError: 'NoneType' object is not iterable"
"""how the reference's client ends, because its own share of the secret is unset (defects.md D-30)"""


def run(case: Case) -> None:
    """Choose by the mode of the exchange."""
    mode = case.fields.text("mode")
    for pattern, perform in MODES:
        match = re.fullmatch(pattern, mode)
        if match:
            perform(case, *match.groups())
            return
    raise CaseProblem(f"unknown mode {mode!r}")


def _one_way(case: Case) -> None:
    fields, rsa = case.fields, case.engine.rsa
    server, client = case.key(fields.text("server_key")), case.key(fields.text("client_key"))
    signature, ciphertext = fields.hex("signature_hex"), fields.hex("ciphertext_hex")
    secret = fields.hex("secret_hex")
    envelope = fields.text("envelope")
    case.same("envelope", envelope, (signature + ciphertext).hex())
    case.same("secret_hex", secret.hex(), rsa.decrypt(client.text("private_pem"), ciphertext).hex())
    case.same(
        "oaep_seed_hex", fields.hex("oaep_seed_hex").hex(), oaep_seed(client.text("private_pem"), ciphertext).hex()
    )
    case.same("pss_salt_hex", fields.hex("pss_salt_hex").hex(), pss_salt(server.text("private_pem"), signature).hex())
    case.same("verify", fields.flag("verify"), rsa.verify(server.text("public_pem"), ciphertext, signature))
    wrong = rsa.verify(client.text("public_pem"), ciphertext, signature)
    case.same("verify_with_wrong_key", fields.flag("verify_with_wrong_key"), wrong)
    case.same("stock_client_without_own_secret", STOCK_FAILURE, fields.text("stock_client_without_own_secret"))
    case.on_purpose.append("the secret is taken as it comes, where the stock client fails (defects.md D-30)")
    satellite = take_envelope(case, client, server, envelope)
    agreed = has_key(case.engine, satellite.session, fields.hex("client_secret_hex"))
    case.true("client_secret_hex: not the key of the satellite's session", agreed)
    _refuses_another_signer(case, client, envelope)


def _unequal(case: Case, signer_bits: str, receiver_bits: str) -> None:
    fields, rsa = case.fields, case.engine.rsa
    server, client = case.key(fields.text("server_key")), case.key(fields.text("client_key"))
    envelope = fields.text("envelope")
    signature, ciphertext = _cut(case, client, envelope)
    case.same("mode: signer", int(signer_bits), rsa.size(server.text("public_pem")) * 8)
    case.same("mode: receiver", int(receiver_bits), rsa.size(client.text("public_pem")) * 8)
    case.same("signature_len", fields.take("signature_len"), len(signature))
    case.same("ciphertext_len", fields.take("ciphertext_len"), len(ciphertext))
    satellite = take_envelope(case, client, server, envelope)
    agreed = has_key(case.engine, satellite.session, fields.hex("secret_hex"))
    case.true("secret_hex: not the key of the satellite's session", agreed)


def _mutual(case: Case) -> None:
    fields, rsa = case.fields, case.engine.rsa
    pairs = {side: case.key(fields.text(f"{side}_key")) for side in ("a", "b")}
    secrets = {side: fields.hex(f"{side}_secret_hex") for side in pairs}
    for side, other in (("a", "b"), ("b", "a")):
        signature, ciphertext = _cut(case, pairs[other], fields.text(f"{side}_envelope"))
        signed = rsa.verify(pairs[side].text("public_pem"), ciphertext, signature)
        case.true(f"{side}_envelope: not signed by {side}_key", signed)
        found = rsa.decrypt(pairs[other].text("private_pem"), ciphertext)
        case.same(f"{side}_secret_hex", secrets[side].hex(), found.hex())
    final = bytes(a ^ b for a, b in zip(secrets["a"], secrets["b"], strict=True))
    case.same("final_secret_hex", fields.hex("final_secret_hex").hex(), final.hex())


def take_envelope(case: Case, client: Fields, server: Fields, envelope: str) -> Progress:
    """A satellite with the client's key takes the server's envelope. Raises what refuses it."""
    given = context(
        case.engine,
        Role.SATELLITE,
        hello={"pubkey": server.text("public_pem"), "peer": "peer", "node_id": "node"},
        offer=OFFER,
        private_key=client.text("private_pem"),
        public_key=client.text("public_pem"),
    )
    satellite = start(case.engine.handshake(PROTOCOL).satellite(given)).compute()
    case.same("pubkey that is sent", client.text("public_pem"), satellite.payload.get("pubkey"))
    reply = {"envelope": envelope, "encoding": DEFAULT_ENCODING, "cipher": DEFAULT_CIPHER}
    return satellite.reply(reply).compute()


def _refuses_another_signer(case: Case, client: Fields, envelope: str) -> None:
    _, error = outcome(lambda: take_envelope(case, client, client, envelope))
    case.true("envelope: accepted from another signer", error is not None)


def _cut(case: Case, receiver: Fields, envelope: str) -> tuple[bytes, bytes]:
    """-> signature, ciphertext"""
    data = unhex(envelope, "envelope")
    size = case.engine.rsa.size(receiver.text("public_pem"))
    return data[:-size], data[-size:]


MODES: tuple[tuple[str, Callable[..., None]], ...] = (
    (r"one-way \(as used by HiveMind: only the master generates\)", _one_way),
    (r"mutual \(library capability; both sides generate, XOR\)", _mutual),
    (r"signer (\d+) bit, receiver (\d+) bit", _unequal),
)
