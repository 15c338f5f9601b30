"""What contracts.RSA, X25519, Argon2id and PBKDF2 promise: what all others compute, and typed refusals."""

from __future__ import annotations

import json
from functools import lru_cache, partial
from importlib.resources import files
from typing import Any

from ...contracts import PBKDF2, RSA, X25519, Argon2id
from ...errors import DecryptionError, IdentityError, MalformedFrame
from .contract import Contract, check
from .expect import hides, must, ours_alone, refused, same, together, told
from .known import known

_DATA = b"the kettle is on"
_NO_KEYS = (
    "",
    "hello",
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----",
)


class RSAContract(Contract):
    """Holds a contracts.RSA to its contract. Override `rsa`."""

    def rsa(self) -> RSA:
        """A new one."""
        raise NotImplementedError

    @check
    def test_what_others_encrypted_is_decrypted(self) -> None:
        for case in known("primitives", "RSA"):
            private = sample_keys()[case["key"]]["private_pem"]
            same(self.rsa().decrypt(private, case["encrypted"]), case["data"], f"RSAES-OAEP for {case['key']}")

    @check
    def test_what_others_signed_is_verified(self) -> None:
        for case in known("primitives", "RSA"):
            public = sample_keys()[case["key"]]["public_pem"]
            must(self.rsa().verify(public, case["data"], case["signature"]), "RSASSA-PSS: a good signature is refused")

    @check
    def test_a_signature_of_another_form_is_refused(self) -> None:
        """The salt has 32 bytes, and the hash is SHA-256."""
        for case in known("primitives", "RSA"):
            public = sample_keys()[case["key"]]["public_pem"]
            for form in ("longer_salt", "sha1_signature"):
                must(self.rsa().verify(public, case["data"], case[form]) is False, f"{form} is taken")

    @check
    def test_a_tampered_signature_is_refused(self) -> None:
        rsa, keys = self.rsa(), sample_keys()
        signature = rsa.sign(keys["alice"]["private_pem"], _DATA)
        public = keys["alice"]["public_pem"]
        must(rsa.verify(public, _DATA, signature), "our own signature is refused")
        wrong = [(_DATA + b"!", signature), (_DATA, signature[:-1]), (_DATA, b""), (_DATA, bytes(len(signature)))]
        wrong += [(_DATA, _flipped(signature, place)) for place in (0, len(signature) // 2, -1)]
        for data, other in wrong:
            must(rsa.verify(public, data, other) is False, "an altered text or signature is taken")
        must(rsa.verify(keys["bob"]["public_pem"], _DATA, signature) is False, "another one's key verifies it")

    @check
    def test_another_private_key_does_not_decrypt_it(self) -> None:
        rsa, keys = self.rsa(), sample_keys()
        sealed = rsa.encrypt(keys["alice"]["public_pem"], _DATA)
        same(rsa.decrypt(keys["alice"]["private_pem"], sealed), _DATA, "what we encrypted ourselves")
        attempts = [(keys["bob"]["private_pem"], sealed), (keys["alice"]["private_pem"], sealed[:-1])]
        attempts += [(keys["alice"]["private_pem"], other) for other in (b"", _flipped(sealed, 9), b"\xff" * 256)]
        for private, other in attempts:
            with refused("a ciphertext for another key, or an altered one", DecryptionError):
                rsa.decrypt(private, other)

    @check
    def test_encryption_and_signatures_are_never_the_same_twice(self) -> None:
        rsa, alice = self.rsa(), sample_keys()["alice"]
        must(rsa.encrypt(alice["public_pem"], _DATA) != rsa.encrypt(alice["public_pem"], _DATA), "OAEP without a seed")
        must(rsa.sign(alice["private_pem"], _DATA) != rsa.sign(alice["private_pem"], _DATA), "PSS without a salt")

    @check
    def test_public_and_size_tell_of_a_key(self) -> None:
        for name, key in sample_keys().items():
            same(_bare(self.rsa().public(key["private_pem"])), _bare(key["public_pem"]), f"the public key of {name}")
            for pem in (key["private_pem"], key["public_pem"]):
                same(self.rsa().size(pem), key["bits"] // 8, f"the size of {name}")

    @check
    def test_a_new_pair_belongs_together_and_has_the_promised_forms(self) -> None:
        rsa = self.rsa()
        pair = rsa.generate(2048)
        must(pair.private.startswith("-----BEGIN RSA PRIVATE KEY-----"), "the private key is not in PKCS#1 form")
        must(pair.public.startswith("-----BEGIN PUBLIC KEY-----"), "the public key is no SubjectPublicKeyInfo")
        same(_bare(rsa.public(pair.private)), _bare(pair.public), "the public key of a new pair")
        same(rsa.decrypt(pair.private, rsa.encrypt(pair.public, _DATA)), _DATA, "with a new pair")

    @check
    def test_what_is_no_key_is_an_identity_error(self) -> None:
        rsa = self.rsa()
        for pem in _NO_KEYS:
            for attempt in (
                partial(rsa.public, pem),
                partial(rsa.size, pem),
                partial(rsa.encrypt, pem, _DATA),
                partial(rsa.decrypt, pem, bytes(256)),
                partial(rsa.sign, pem, _DATA),
                partial(rsa.verify, pem, _DATA, bytes(256)),
            ):
                with refused(f"{pem[:32]!r} for a key", IdentityError):
                    attempt()

    @check
    def test_many_threads_may_use_it(self) -> None:
        rsa, alice = self.rsa(), sample_keys()["alice"]

        def work() -> bool:
            return rsa.verify(alice["public_pem"], _DATA, rsa.sign(alice["private_pem"], _DATA))

        must(all(together([work] * 4, "signing and verifying", self.limit)), "threads disturb each other")

    @check
    def test_errors_and_reprs_hold_no_private_key(self) -> None:
        rsa, private = self.rsa(), sample_keys()["alice"]["private_pem"]
        body = "".join(private.splitlines()[1:-1])
        secrets = (private.splitlines()[4], body[200:260])
        hides(secrets, "the repr", rsa, rsa.public(private), rsa.generate)
        for attempt in (
            partial(rsa.decrypt, private, bytes(256)),
            partial(rsa.sign, private[:900], _DATA),
            partial(rsa.encrypt, private, _DATA),
        ):
            with ours_alone("what can't be done with a private key") as caught:
                attempt()
            hides(secrets, "an error", *told(caught.error))


class X25519Contract(Contract):
    """Holds a contracts.X25519 to its contract. Override `x25519`."""

    def x25519(self) -> X25519:
        """A new one."""
        raise NotImplementedError

    @check
    def test_known_answers_are_computed(self) -> None:
        """What OpenSSL computed; a public key with its highest bit set among them (RFC 7748 section 5)."""
        for number, case in enumerate(known("primitives", "X25519")):
            x25519, what = self.x25519(), f"known answer {number}"
            same(x25519.public(case["private"]).hex(), case["own_public"].hex(), f"{what}: the public key")
            same(x25519.shared(case["private"], case["public"]).hex(), case["shared"].hex(), f"{what}: the secret")

    @check
    def test_both_sides_agree(self) -> None:
        x25519, one, other = self.x25519(), bytes(range(32)), bytes(range(100, 132))
        ours, theirs = x25519.shared(one, x25519.public(other)), x25519.shared(other, x25519.public(one))
        same(ours.hex(), theirs.hex(), "the secret of the two")
        same((type(ours), len(ours)), (bytes, 32), "its form")

    @check
    def test_points_of_low_order_are_refused(self) -> None:
        """They would make a secret that everybody knows: all zeros."""
        for point in (bytes(32), b"\x01" + bytes(31), _P_MINUS_1, _P, _P_PLUS_1, _ORDER_8):
            with refused("a public key of low order", MalformedFrame):
                self.x25519().shared(bytes(range(32)), point)

    @check
    def test_public_keys_of_another_length_are_refused(self) -> None:
        for size in (0, 1, 31, 33, 64):
            with refused(f"a public key of {size} bytes", MalformedFrame):
                self.x25519().shared(bytes(range(32)), bytes(range(size)))

    @check
    def test_errors_hold_no_private_key(self) -> None:
        private = bytes(range(7, 39))
        with ours_alone("a public key of low order") as caught:
            self.x25519().shared(private, bytes(32))
        hides((private,), "an error", *told(caught.error))


class Argon2idContract(Contract):
    """Holds a contracts.Argon2id to its contract. Override `argon2id`."""

    def argon2id(self) -> Argon2id:
        """A new one."""
        raise NotImplementedError

    @check
    def test_known_answers_are_derived(self) -> None:
        """What OpenSSL derived, with several costs and lanes."""
        for number, case in enumerate(known("primitives", "ARGON2ID")):
            wanted = case.pop("derived")
            same(self.argon2id().derive(**case).hex(), wanted.hex(), f"known answer {number}")

    @check
    def test_every_input_counts(self) -> None:
        base: dict[str, Any] = {"time_cost": 1, "memory_kib": 64, "parallelism": 1, "size": 32}
        base |= {"password": b"password", "salt": b"somesalt"}
        changed: list[dict[str, Any]] = [
            {},
            {"password": b"Password"},
            {"salt": b"somesalT"},
            {"time_cost": 2},
            {"memory_kib": 72},
        ]
        changed += [{"memory_kib": 64, "parallelism": 2}, {"size": 31}]
        derived = {self.argon2id().derive(**{**base, **one}) for one in changed}
        same(len(derived), len(changed), "how many keys different inputs give")

    @check
    def test_a_key_has_the_size_that_was_asked_for(self) -> None:
        for size in (16, 32, 64, 80):
            key = self.argon2id().derive(b"p", b"somesalt", time_cost=1, memory_kib=64, parallelism=1, size=size)
            same((type(key), len(key)), (bytes, size), "its form")

    @check
    def test_errors_are_ours_and_hold_no_password(self) -> None:
        with ours_alone("more memory than there is") as caught:
            self.argon2id().derive(b"sw0rdf1sh", b"some", time_cost=1, memory_kib=64, parallelism=1, size=32)
        hides(("sw0rdf1sh",), "an error", *told(caught.error))


class PBKDF2Contract(Contract):
    """Holds a contracts.PBKDF2 to its contract. Override `pbkdf2`."""

    def pbkdf2(self) -> PBKDF2:
        """A new one."""
        raise NotImplementedError

    @check
    def test_known_answers_are_derived(self) -> None:
        """What OpenSSL derived, with HMAC-SHA-256."""
        for number, case in enumerate(known("primitives", "PBKDF2")):
            wanted = case.pop("derived")
            same(self.pbkdf2().derive(**case).hex(), wanted.hex(), f"known answer {number}")

    @check
    def test_every_input_counts(self) -> None:
        base: dict[str, Any] = {"password": b"password", "salt": b"somesalt", "iterations": 2, "size": 32}
        changed: list[dict[str, Any]] = [{}, {"password": b"Password"}, {"salt": b"somesalT"}, {"iterations": 3}]
        derived = {self.pbkdf2().derive(**{**base, **one}) for one in changed}
        same(len(derived), len(changed), "how many keys different inputs give")

    @check
    def test_many_threads_may_use_it(self) -> None:
        pbkdf2 = self.pbkdf2()
        works = [partial(pbkdf2.derive, bytes([one]), b"salt", iterations=2000, size=32) for one in range(4)]
        alone = [work() for work in works]
        must(together(works, "deriving keys", self.limit) == alone, "threads disturb each other")


@lru_cache(maxsize=1)
def sample_keys() -> dict[str, dict[str, Any]]:
    """RSA keys that everybody has: `bits`, `private_pem`, `public_pem`."""
    text = files("hivemind_sdk.testing.vectors").joinpath("keys.json").read_text(encoding="utf-8")
    keys: dict[str, dict[str, Any]] = json.loads(text)
    return keys


_P = (2**255 - 19).to_bytes(32, "little")
_P_MINUS_1 = (2**255 - 20).to_bytes(32, "little")
_P_PLUS_1 = (2**255 - 18).to_bytes(32, "little")
_ORDER_8 = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")


def _bare(pem: str) -> str:
    return "".join(pem.split())


def _flipped(data: bytes, place: int) -> bytes:
    altered = bytearray(data)
    altered[place] ^= 0x01
    return bytes(altered)
