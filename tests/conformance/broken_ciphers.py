"""Ciphers with one fault each, around the built-in one."""

from __future__ import annotations

import threading
from contextlib import suppress

from conformance.mutants import caught_by

from hivemind_ciphers import AesGcm
from hivemind_sdk.errors import DecryptionError, HiveMindError
from hivemind_sdk.testing import CipherContract


class Wrapped:
    """A bound key that does what the right one does; mutants override a part."""

    def __init__(self, key, right=None):
        self.key = bytes(key)
        self.right = right or AesGcm().bind(key)

    def encrypt(self, nonce, plaintext, associated_data=b""):
        return self.right.encrypt(nonce, plaintext, associated_data)

    def decrypt(self, nonce, ciphertext, associated_data=b""):
        return self.right.decrypt(nonce, ciphertext, associated_data)


class Twin(CipherContract):
    name = "AES-GCM"
    bound = Wrapped

    def cipher(self):
        return self

    def bind(self, key):
        return self.bound(key)


@caught_by("test_a_tampered_tag_is_refused")
class TagUnchecked(Twin):
    class bound(Wrapped):
        def decrypt(self, nonce, ciphertext, associated_data=b""):
            try:
                return super().decrypt(nonce, ciphertext, associated_data)
            except DecryptionError:
                size = len(ciphertext) - 16
                keystream = self.encrypt(nonce, bytes(size))
                return bytes(a ^ b for a, b in zip(ciphertext[:size], keystream, strict=False))


@caught_by("test_a_tampered_tag_is_refused")
class TagComparedInPart(Twin):
    """Twelve bytes of the tag count."""

    class bound(Wrapped):
        def decrypt(self, nonce, ciphertext, associated_data=b""):
            try:
                return super().decrypt(nonce, ciphertext, associated_data)
            except DecryptionError:
                plaintext = TagUnchecked.bound(self.key).decrypt(nonce, ciphertext, associated_data)
                if self.encrypt(nonce, plaintext, associated_data)[:-4] != ciphertext[:-4]:
                    raise
                return plaintext


@caught_by("test_associated_data_are_bound")
class AssociatedDataIgnored(Twin):
    class bound(Wrapped):
        def encrypt(self, nonce, plaintext, associated_data=b""):
            return super().encrypt(nonce, plaintext)

        def decrypt(self, nonce, ciphertext, associated_data=b""):
            return super().decrypt(nonce, ciphertext)


@caught_by("test_an_empty_plaintext_is_authenticated")
class EmptyUnchecked(Twin):
    class bound(Wrapped):
        def decrypt(self, nonce, ciphertext, associated_data=b""):
            return super().decrypt(nonce, ciphertext, associated_data) if len(ciphertext) > 16 else b""


@caught_by("test_another_nonce_does_not_open_it")
class NonceCutShort(Twin):
    """Sixteen bytes are cut to twelve, as other libraries want them."""

    class bound(Wrapped):
        def encrypt(self, nonce, plaintext, associated_data=b""):
            return super().encrypt(nonce[:12], plaintext, associated_data)

        def decrypt(self, nonce, ciphertext, associated_data=b""):
            return super().decrypt(nonce[:12], ciphertext, associated_data)


@caught_by("test_known_answers_are_sealed_to_the_byte_and_opened")
class TagInFront(Twin):
    class bound(Wrapped):
        def encrypt(self, nonce, plaintext, associated_data=b""):
            sealed = super().encrypt(nonce, plaintext, associated_data)
            return sealed[-16:] + sealed[:-16]

        def decrypt(self, nonce, ciphertext, associated_data=b""):
            return super().decrypt(nonce, ciphertext[16:] + ciphertext[:16], associated_data)


@caught_by("test_keys_of_other_sizes_are_refused")
class KeyPadded(Twin):
    def bind(self, key):
        return Wrapped(key.ljust(32, b"\0")[:32])


@caught_by("test_the_nonce_is_the_one_that_it_was_given")
class NonceCounted(Twin):
    class bound(Wrapped):
        count = 0

        def encrypt(self, nonce, plaintext, associated_data=b""):
            self.count += 1
            return super().encrypt(bytes([nonce[0] ^ self.count]) + nonce[1:], plaintext, associated_data)


@caught_by("test_two_keys_at_once_do_not_meet")
class LastKeyWins(Twin):
    key = b""

    def bind(self, key):
        type(self).key = key
        return self

    def encrypt(self, nonce, plaintext, associated_data=b""):
        return Wrapped(self.key).encrypt(nonce, plaintext, associated_data)

    def decrypt(self, nonce, ciphertext, associated_data=b""):
        return Wrapped(self.key).decrypt(nonce, ciphertext, associated_data)


@caught_by("test_many_threads_may_use_one_key")
class OneBufferForAll(Twin):
    class bound(Wrapped):
        two = threading.Barrier(2)
        text = b""

        def encrypt(self, nonce, plaintext, associated_data=b""):
            self.text = plaintext
            with suppress(threading.BrokenBarrierError):
                self.two.wait(0.2)  # another thread comes in between
            return super().encrypt(nonce, self.text, associated_data)


@caught_by("test_a_refused_frame_does_not_spoil_the_next")
class StuckAfterAFailure(Twin):
    class bound(Wrapped):
        failed = False

        def decrypt(self, nonce, ciphertext, associated_data=b""):
            if self.failed:
                raise DecryptionError("once is enough")
            try:
                return super().decrypt(nonce, ciphertext, associated_data)
            except DecryptionError:
                self.failed = True
                raise


@caught_by("test_errors_are_ours_and_hold_neither_key_nor_plaintext")
class KeyInTheError(Twin):
    class bound(Wrapped):
        def decrypt(self, nonce, ciphertext, associated_data=b""):
            try:
                return super().decrypt(nonce, ciphertext, associated_data)
            except HiveMindError as error:
                raise DecryptionError(f"does not open with {self.key.hex()}") from error


@caught_by("test_a_shortened_ciphertext_is_refused")
class IndexErrorForShort(Twin):
    class bound(Wrapped):
        def decrypt(self, nonce, ciphertext, associated_data=b""):
            ciphertext[15]
            return super().decrypt(nonce, ciphertext, associated_data)
