"""Kind `ciphers`: sealing and opening with a fixed nonce, in the binary and in every text form (wire.md section 6)."""

from __future__ import annotations

from hivemind_sdk.contracts import Form
from hivemind_sdk.contracts.envelope import EnvelopeSession

from .case import Case
from .fields import CaseProblem, Fields

KEY_FORMS = ("bytes", "text")


def run(case: Case) -> None:
    """Seal with the recorded nonce and compare; open what was recorded."""
    fields = case.fields
    cipher, nonce, plaintext = fields.text("cipher"), fields.hex("nonce_hex"), fields.hex("plaintext_hex")
    key = _key(case, fields)
    case.same("nonce_hex: size", case.engine.crypto.nonce_size(cipher), len(nonce))

    sealed = case.engine.crypto.cipher(cipher).bind(key).encrypt(nonce, plaintext)
    case.same("ciphertext_hex", fields.hex("ciphertext_hex").hex(), sealed[:-16].hex())
    case.same("tag_hex", fields.hex("tag_hex").hex(), sealed[-16:].hex())
    case.same("binary_hex", fields.hex("binary_hex").hex(), (nonce + sealed).hex())

    def new(encoding: str) -> EnvelopeSession:
        """One for each frame: a session draws one nonce, and refuses what it has sealed itself."""
        return case.engine.session(cipher, encoding, key, lambda _size: nonce)

    names: list[str] = []
    for name, text in fields.take("json_envelopes").items():
        names.append(name)
        case.same(f"json_envelopes.{name}", [text], new(name).seal(Form.TEXT, plaintext))
        _opens(case, f"json_envelopes.{name}", new(name), text, plaintext)
    for name, text in fields.take("json_envelopes_no_tag").items():
        if name not in names:
            raise CaseProblem(f"json_envelopes misses {name}")
        _opens(case, f"json_envelopes_no_tag.{name}", new(name), text, plaintext)
        case.true(f"json_envelopes_no_tag.{name}: has a tag", '"tag"' not in text)
    for name in names:
        _opens(case, f"binary_hex with {name}", new(name), fields.hex("binary_hex"), plaintext)
        case.same(f"binary_hex with {name}", [fields.hex("binary_hex").hex()], _sealed_binary(new(name), plaintext))


def _key(case: Case, fields: Fields) -> bytes:
    key, form = fields.hex("key_hex"), fields.text("key_form")
    if form not in KEY_FORMS:
        raise CaseProblem(f"key_form: {form!r} is neither bytes nor text")
    if form == "text":
        case.same("key_text", key.hex(), fields.text("key_text").encode().hex())
    return key


def _opens(case: Case, what: str, session: EnvelopeSession, frame: str | bytes, plaintext: bytes) -> None:
    form = Form.TEXT if isinstance(frame, str) else Form.BINARY
    found_form, found = session.open(frame)
    case.same(f"{what}: opened", [form, plaintext.hex()], [found_form, found.hex()])


def _sealed_binary(session: EnvelopeSession, plaintext: bytes) -> list[str]:
    return [frame.hex() if isinstance(frame, bytes) else frame for frame in session.seal(Form.BINARY, plaintext)]
