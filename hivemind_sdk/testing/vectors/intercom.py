"""Kind `intercom`: messages sealed end to end, in the hybrid envelope and in the older shape (wire.md section 7.1)."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable

from hivemind_sdk.messages import HiveMessage, HiveMessageType, JSONObject
from hivemind_sdk.messages.strict_json import loads

from .case import Case
from .dispatch import receive
from .fields import CaseProblem, Fields
from .rawrsa import oaep_seed, pss_salt

CIPHER, TAG = "AES-GCM", 16
SITE = "kitchen"
OAEP_OVERHEAD = 42


def run(case: Case) -> None:
    """Choose by what is inside."""
    inner = case.fields.text("inner_is")
    if inner not in SHAPES:
        raise CaseProblem(f"unknown inner_is {inner!r}")
    SHAPES[inner](case)


def _hybrid(case: Case) -> None:
    fields, rsa = case.fields, case.engine.rsa
    sender, recipient = case.key(fields.text("sender_key")), case.key(fields.text("recipient_key"))
    envelope, plaintext = fields.part("envelope"), fields.text("plaintext")
    key, nonce = fields.hex("aes_key_hex"), fields.hex("nonce_hex")
    encrypted = _bytes(envelope, "encrypted_key")
    case.same("aes_key_hex", key.hex(), rsa.decrypt(recipient.text("private_pem"), encrypted).hex())
    seed = oaep_seed(recipient.text("private_pem"), encrypted)
    case.same("oaep_seed_hex", fields.hex("oaep_seed_hex").hex(), seed.hex())
    case.same("nonce_hex", nonce.hex(), _bytes(envelope, "nonce").hex())
    sealed = case.engine.crypto.cipher(CIPHER).bind(key).encrypt(nonce, plaintext.encode())
    case.same("envelope.ciphertext", _bytes(envelope, "ciphertext").hex(), sealed[:-TAG].hex())
    case.same("envelope.tag", _bytes(envelope, "tag").hex(), sealed[-TAG:].hex())
    _check_signature(case, sender, envelope)
    if "signature" in envelope:
        salt = pss_salt(sender.text("private_pem"), _bytes(envelope, "signature"))
        case.same("pss_salt_hex", fields.hex("pss_salt_hex").hex(), salt.hex())
    _check_messages(case, sender, recipient)
    _check_own(case, sender, recipient, plaintext)


def _check_signature(case: Case, sender: Fields, envelope: Fields) -> None:
    fields = case.fields
    case.same("signed", fields.flag("signed"), "signature" in envelope)
    if "signature" not in envelope:
        case.same("signature_valid", fields.take("signature_valid"), None)
        return
    ciphertext, signature = _bytes(envelope, "ciphertext"), _bytes(envelope, "signature")
    valid = case.engine.rsa.verify(sender.text("public_pem"), ciphertext, signature)
    case.same("signature_valid", fields.take("signature_valid"), valid)


def _check_messages(case: Case, sender: Fields, recipient: Fields) -> None:
    """Both ways to wrap the envelope; what names the recipient and is signed is opened, and nothing else is."""
    envelope, signed = case.fields.take("envelope"), case.fields.flag("signed")
    bare = HiveMessage(HiveMessageType.INTERCOM, envelope)
    sealed = HiveMessage(HiveMessageType.INTERCOM, envelope, target_pubkey=recipient.text("public_pem"))
    wrapped = HiveMessage(HiveMessageType.PROPAGATE, sealed)
    case.same("hive_message_0_8", case.fields.take("hive_message_0_8"), bare.as_dict)
    case.same("hive_message_1_2", case.fields.take("hive_message_1_2"), wrapped.as_dict)
    inner = HiveMessage.deserialize(case.fields.text("plaintext")).payload
    _opens(case, "hive_message_0_8", bare.as_dict, sender, recipient, [])
    _opens(case, "hive_message_1_2", wrapped.as_dict, sender, recipient, [inner.as_dict] if signed else [])


def _check_own(case: Case, sender: Fields, recipient: Fields, plaintext: str) -> None:
    """What our own sealing makes of the plaintext is opened in the same way."""
    seal = case.engine.crypto.primitive("INTERCOM").seal
    private = sender.text("private_pem") if case.fields.flag("signed") else None
    envelope = seal(case.engine.crypto, recipient.text("public_pem"), plaintext.encode(), private)
    case.same("envelope: its fields", sorted(case.fields.take("envelope")), sorted(envelope))
    sealed = HiveMessage(HiveMessageType.INTERCOM, envelope, target_pubkey=recipient.text("public_pem"))
    inner = HiveMessage.deserialize(plaintext).payload
    _opens(case, "sealed by us", sealed.as_dict, sender, recipient, [inner.as_dict] if private else [])


def _older(case: Case) -> None:
    fields, rsa = case.fields, case.engine.rsa
    sender, recipient = case.key(fields.text("sender_key")), case.key(fields.text("recipient_key"))
    envelope = fields.part("envelope")
    found = rsa.decrypt(recipient.text("private_pem"), _bytes(envelope, "ciphertext"))
    case.same("plaintext", fields.text("plaintext"), found.decode())
    case.same("plaintext: compact JSON", found.decode(), _compact(loads(found)))
    case.same("signed", fields.flag("signed"), "signature" in envelope)
    _check_signature(case, sender, envelope)
    size = rsa.size(recipient.text("public_pem"))
    case.same("max_plaintext_bytes_2048", fields.take("max_plaintext_bytes_2048"), size - OAEP_OVERHEAD)
    sealed = HiveMessage(HiveMessageType.INTERCOM, fields.take("envelope"), target_pubkey=recipient.text("public_pem"))
    _opens(case, "the older shape", sealed.as_dict, sender, recipient, [])


def _opens(
    case: Case, what: str, frame: JSONObject, sender: Fields, recipient: Fields, expected: list[JSONObject]
) -> None:
    """Assert what reaches the recipient's local bus when this arrives and it trusts the sender."""
    trusted = {"sender": sender.text("public_pem")}
    injected = receive(case, frame, SITE, recipient, trusted).injected
    case.same(f"{what}: opened", [one["type"] for one in expected], [one.msg_type for one in injected])
    case.same(f"{what}: data", [one["data"] for one in expected], [one.data for one in injected])
    signers = [one.context.get("hivemind_verified_source_peer") for one in injected]
    case.same(f"{what}: signer", [sender.text("public_pem")] * len(expected), signers)


def _compact(value: object) -> str:
    from json import dumps

    return dumps(value, separators=(",", ":"), ensure_ascii=False)


def _bytes(envelope: Fields, name: str) -> bytes:
    try:
        return b64decode(envelope.text(name), validate=True)
    except ValueError:
        raise CaseProblem(f"envelope.{name} is not base64") from None


SHAPES: dict[str, Callable[[Case], None]] = {
    "HiveMessage(bus)": _hybrid,
    "compact JSON, plain RSA body (no encrypted_key)": _older,
}
