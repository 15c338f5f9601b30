"""Primitives with one fault each, around the built-in ones."""

from __future__ import annotations

from conformance.mutants import caught_by

from hivemind_primitives.argon2id import CffiArgon2id
from hivemind_primitives.rsa import PycryptodomeRSA
from hivemind_primitives.x25519 import PycryptodomeX25519
from hivemind_sdk.errors import IdentityError, MalformedFrame
from hivemind_sdk.testing.conformance import Argon2idContract, RSAContract, X25519Contract


class RSATwin(RSAContract):
    kind = PycryptodomeRSA

    def rsa(self):
        return self.kind()


class X25519Twin(X25519Contract):
    kind = PycryptodomeX25519

    def x25519(self):
        return self.kind()


class Argon2idTwin(Argon2idContract):
    kind = CffiArgon2id

    def argon2id(self):
        return self.kind()


@caught_by("test_a_tampered_signature_is_refused")
class EverySignatureIsGood(RSATwin):
    class kind(PycryptodomeRSA):
        def verify(self, public_pem, data, signature):
            return True


@caught_by("test_a_signature_of_another_form_is_refused")
class AnySalt(RSATwin):
    class kind(PycryptodomeRSA):
        def verify(self, public_pem, data, signature):
            from Crypto.Hash import SHA256
            from Crypto.Signature import pss

            key = self._load(public_pem, "PUBLIC")
            good = super().verify(public_pem, data, signature)
            try:
                pss.new(key, salt_bytes=64).verify(SHA256.new(data), signature)
            except ValueError:
                return good
            return True


@caught_by("test_what_is_no_key_is_an_identity_error")
class AnyErrorForAKey(RSATwin):
    class kind(PycryptodomeRSA):
        def public(self, private_pem):
            try:
                return super().public(private_pem)
            except IdentityError:
                raise ValueError("RSA key format is not supported") from None


@caught_by("test_points_of_low_order_are_refused")
class LowOrderTaken(X25519Twin):
    class kind(PycryptodomeX25519):
        def shared(self, private, public):
            try:
                return super().shared(private, public)
            except MalformedFrame:
                return bytes(32)


@caught_by("test_known_answers_are_derived")
class OneLaneForAll(Argon2idTwin):
    class kind(CffiArgon2id):
        def derive(self, password, salt, **costs):
            return super().derive(password, salt, **{**costs, "parallelism": 1})
