"""Kind `handshake_password`: both ends of the password handshake with recorded ivs (wire.md section 5.5)."""

from __future__ import annotations

from hivemind_sdk.contracts import Compute, Role
from hivemind_sdk.errors import HiveMindError
from hivemind_sdk.messages import JSONObject
from hivemind_sdk.settings import Credentials

from .case import Case
from .scripts import DEFAULT_CIPHER, DEFAULT_ENCODING, Progress, context, has_key, replay, start

PROTOCOL = 2
OFFER: JSONObject = {
    "handshake": True,
    "min_protocol_version": 1,
    "max_protocol_version": 2,
    "binarize": False,
    "preshared_key": False,
    "password": True,
    "crypto_required": True,
    "encodings": [DEFAULT_ENCODING],
    "ciphers": [DEFAULT_CIPHER],
}


def run(case: Case) -> None:
    """Both ends meet under the recorded ivs; then what has to be accepted and refused as an envelope."""
    fields = case.fields
    password = fields.text("password")
    client_iv, server_iv = fields.hex("client_iv_hex"), fields.hex("server_iv_hex")
    client, server = fields.text("client_envelope"), fields.text("server_envelope")
    secret = fields.hex("secret_hex")

    satellite = begin(case, password, client_iv)
    case.same("client_envelope", client, satellite.payload.get("envelope"))
    satellite.reply(answer(server)).compute()
    case.true("secret_hex: not the key of the satellite's session", has_key(case.engine, satellite.session, secret))

    hub = _hub(case, password, server_iv, client)
    case.same("server_envelope", server, hub.payload.get("envelope"))
    case.true("secret_hex: not the key of the hub's session", has_key(case.engine, hub.session, secret))

    long = fields.text("envelope_80")
    salt = bytes(a ^ b for a, b in zip(client_iv, server_iv, strict=True))
    case.same("salt_hex", fields.hex("salt_hex").hex(), salt.hex())
    case.same("envelope_80", long, client_iv.hex() + fields.hex("client_hash_full_hex").hex())
    case.same("client_envelope", client, long[:48])

    other = server_iv
    case.same("envelope_80_verifies", fields.flag("envelope_80_verifies"), verifies(case, password, other, long))
    case.same(
        "wrong_password_verifies", fields.flag("wrong_password_verifies"), verifies(case, "-" + password, other, client)
    )
    case.same("uppercase_verifies", fields.flag("uppercase_verifies"), verifies(case, password, other, client.upper()))
    case.same("truncated46_verifies", fields.flag("truncated46_verifies"), verifies(case, password, other, client[:46]))


def begin(case: Case, password: str, iv: bytes, **given: object) -> Progress:
    """A satellite that has sent its envelope, made with this iv."""
    credentials = Credentials("access-key", password=password)
    arguments = {"offer": OFFER, "credentials": credentials, "random": replay(iv), **given}
    return start(case.engine.handshake(PROTOCOL).satellite(context(case.engine, Role.SATELLITE, **arguments)))


def answer(envelope: str) -> JSONObject:
    """A hub's answer with this envelope."""
    return {"envelope": envelope, "encoding": DEFAULT_ENCODING, "cipher": DEFAULT_CIPHER}


def accept(satellite: Progress, envelope: str) -> None:
    """The satellite takes the hub's envelope, up to the point where a key is derived. Raises what refuses it."""
    satellite.reply(answer(envelope))
    if not isinstance(satellite.waiting, Compute) and satellite.established is None:
        raise HiveMindError("the handshake goes on after the envelope that ends it")
    satellite.script.close()


def verifies(case: Case, password: str, own_iv: bytes, envelope: str) -> bool:
    """Whether a satellite with this password takes the envelope."""
    satellite = begin(case, password, own_iv)
    try:
        accept(satellite, envelope)
    except HiveMindError:
        return False
    return True


def _hub(case: Case, password: str, iv: bytes, envelope: str) -> Progress:
    first: JSONObject = {
        "binarize": False,
        "encodings": [DEFAULT_ENCODING],
        "ciphers": [DEFAULT_CIPHER],
        "envelope": envelope,
    }
    credentials = Credentials("access-key", password=password)
    given = context(case.engine, Role.HUB, offer=OFFER, credentials=credentials, random=replay(iv))
    return start(case.engine.handshake(PROTOCOL).hub(given, first)).compute()
