"""What contracts.Cipher promises: the right bytes, and nothing handed out that was altered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

from ...contracts import Aead, Cipher
from ...errors import DecryptionError, InvalidKeySize
from .contract import Contract, check, skip
from .expect import hides, must, ours_alone, refused, same, together, told
from .known import known

TAG_SIZE = 16
MEGABYTE = 1 << 20
_KEY_SIZES = {"AES-GCM": (16, 24, 32), "CHACHA20-POLY1305": (32,)}
_NONCE_SIZES = {"AES-GCM": (12, 16), "CHACHA20-POLY1305": (12,)}


class CipherContract(Contract):
    """Holds a contracts.Cipher to its contract. Override `cipher`, and state its wire name.

    A cipher that the hive does not know yet states its sizes, too; its `known_answers` are then yours to give.
    """

    name: ClassVar[str] = ""
    """the wire name: `AES-GCM`, `CHACHA20-POLY1305`"""
    key_sizes: ClassVar[tuple[int, ...]] = ()
    """bytes; empty: those of the wire name"""
    nonce_sizes: ClassVar[tuple[int, ...]] = ()
    """bytes; empty: those of the wire name"""

    def cipher(self) -> Cipher:
        """A new one."""
        raise NotImplementedError

    def known_answers(self) -> list[dict[str, Any]]:
        """`key`, `nonce`, `plaintext`, `associated_data`, `sealed`: bytes."""
        return [{**case, "plaintext": case["plaintext"] * case["times"]} for case in known("ciphers", self.name)]

    @check
    def test_known_answers_are_sealed_to_the_byte_and_opened(self) -> None:
        """What other implementations computed (OpenSSL; RFC 8439 section 2.8.2)."""
        cases = self.known_answers() or skip(f"no answers are known for a cipher {self.name!r}")
        for number, case in enumerate(cases):
            aead, what = self.cipher().bind(case["key"]), f"known answer {number}"
            sealed = aead.encrypt(case["nonce"], case["plaintext"], case["associated_data"])
            same(sealed.hex(), case["sealed"].hex(), what)
            same(aead.decrypt(case["nonce"], case["sealed"], case["associated_data"]), case["plaintext"], what)

    @check
    def test_the_sealed_text_is_as_long_as_the_plaintext_and_a_tag_of_16_bytes(self) -> None:
        for size in (0, 1, 15, 16, 17, 1000):
            sealed = self._aead().encrypt(self._nonce(), bytes(size))
            same(len(sealed), size + TAG_SIZE, f"the length of {size} bytes, sealed")

    @check
    def test_an_empty_plaintext_is_authenticated(self) -> None:
        aead, nonce = self._aead(), self._nonce()
        sealed = aead.encrypt(nonce, b"")
        same(aead.decrypt(nonce, sealed), b"", "an empty plaintext")
        for other in (b"", bytes(TAG_SIZE), _flipped(sealed, 0)):
            with refused("an empty plaintext with another tag", DecryptionError):
                aead.decrypt(nonce, other)

    @check
    def test_a_megabyte_comes_back(self) -> None:
        aead, nonce, plaintext = self._aead(), self._nonce(), bytes(range(256)) * (MEGABYTE // 256)
        must(aead.decrypt(nonce, aead.encrypt(nonce, plaintext)) == plaintext, "1 MB comes back altered")

    @check
    def test_a_tampered_tag_is_refused(self) -> None:
        for place in range(-TAG_SIZE, 0):
            self._refuses(f"byte {TAG_SIZE + place} of the tag was altered", sealed=partial(_flipped, place=place))

    @check
    def test_a_tampered_ciphertext_is_refused(self) -> None:
        for place in range(len(_PLAINTEXT)):
            self._refuses(f"byte {place} of the ciphertext was altered", sealed=partial(_flipped, place=place))

    @check
    def test_a_shortened_ciphertext_is_refused(self) -> None:
        for size in range(len(_PLAINTEXT) + TAG_SIZE):
            self._refuses(f"only {size} bytes came", sealed=lambda sealed, size=size: sealed[:size])

    @check
    def test_a_lengthened_ciphertext_is_refused(self) -> None:
        self._refuses("a byte was put before the tag", sealed=lambda one: one[:-TAG_SIZE] + b"\0" + one[-TAG_SIZE:])
        self._refuses("a byte was put at the end", sealed=lambda one: one + b"\0")

    @check
    def test_another_nonce_does_not_open_it(self) -> None:
        for size in self._sizes()[1]:
            for place in range(size):
                self._refuses(
                    f"byte {place} of a nonce of {size} bytes was altered", size, nonce=partial(_flipped, place=place)
                )

    @check
    def test_another_key_does_not_open_it(self) -> None:
        for size in self._sizes()[0]:
            sealed = self._aead(size).encrypt(self._nonce(), _PLAINTEXT)
            for place in (0, size // 2, size - 1):
                other = self.cipher().bind(_flipped(_key(size), place))
                with refused(f"a key of {size} bytes differs in byte {place}", DecryptionError):
                    other.decrypt(self._nonce(), sealed)

    @check
    def test_associated_data_are_bound(self) -> None:
        aead, nonce = self._aead(), self._nonce()
        sealed = aead.encrypt(nonce, _PLAINTEXT, b"header")
        same(aead.decrypt(nonce, sealed, b"header"), _PLAINTEXT, "with associated data")
        for other in (b"", b"Header", b"header\0", b"heade"):
            with refused(f"sealed with the associated data b'header', opened with {other!r}", DecryptionError):
                aead.decrypt(nonce, sealed, other)
        with refused("associated data were added", DecryptionError):
            aead.decrypt(nonce, aead.encrypt(nonce, _PLAINTEXT), b"header")

    @check
    def test_keys_of_every_stated_size_are_used_whole(self) -> None:
        sealed = {self._aead(size).encrypt(self._nonce(), _PLAINTEXT) for size in self._sizes()[0]}
        same(len(sealed), len(self._sizes()[0]), "how many ciphertexts keys of different sizes give")

    @check
    def test_keys_of_other_sizes_are_refused(self) -> None:
        for size in {0, 1, 8, 15, 16, 17, 24, 31, 32, 33, 48, 64, 256} - set(self._sizes()[0]):
            with refused(f"a key of {size} bytes", InvalidKeySize):
                self.cipher().bind(bytes(size))

    @check
    def test_nonces_of_every_size_in_use_are_taken(self) -> None:
        """AES-GCM: 16 bytes on links of version 1 and 2, 12 in Noise."""
        for size in self._sizes()[1]:
            aead, nonce = self._aead(), self._nonce(size)
            same(aead.decrypt(nonce, aead.encrypt(nonce, _PLAINTEXT)), _PLAINTEXT, f"with a nonce of {size} bytes")

    @check
    def test_the_nonce_is_the_one_that_it_was_given(self) -> None:
        """Another object, asked again later, gives the same bytes: no nonce, no counter, no padding of its own."""
        first, aead = self._aead().encrypt(self._nonce(), _PLAINTEXT), self._aead()
        for _ in range(3):
            same(aead.encrypt(self._nonce(), _PLAINTEXT).hex(), first.hex(), "the same plaintext under the same nonce")

    @check
    def test_a_refused_frame_does_not_spoil_the_next(self) -> None:
        aead, nonce = self._aead(), self._nonce()
        sealed = aead.encrypt(nonce, _PLAINTEXT)
        for _ in range(3):
            with refused("an altered tag", DecryptionError):
                aead.decrypt(nonce, _flipped(sealed, -1))
            same(aead.decrypt(nonce, sealed), _PLAINTEXT, "after a frame that was refused")

    @check
    def test_two_keys_at_once_do_not_meet(self) -> None:
        cipher, size, nonce = self.cipher(), self._sizes()[0][0], self._nonce()
        one = cipher.bind(_key(size))
        other = cipher.bind(_flipped(_key(size), 0))
        sealed = one.encrypt(nonce, _PLAINTEXT)
        must(other.encrypt(nonce, _PLAINTEXT) != sealed, "two keys give the same ciphertext")
        same(one.decrypt(nonce, sealed), _PLAINTEXT, "the first key, after a second one was bound")

    @check
    def test_many_threads_may_use_one_key(self) -> None:
        aead, barrier = self._aead(), threading.Barrier(4)
        nonces = [bytes([number]) * self._sizes()[1][0] for number in range(4)]
        texts = [bytes([number]) * 20_000 for number in range(4)]

        def work(number: int) -> bool:
            barrier.wait(self.patience)
            nonce, text = nonces[number], texts[number]
            return all(aead.decrypt(nonce, aead.encrypt(nonce, text)) == text for _ in range(40))

        done = together([partial(work, number) for number in range(4)], "sealing and opening", self.limit)
        must(all(done), "plaintexts of several threads were mixed up")

    @check
    def test_anything_that_holds_bytes_is_taken_and_bytes_are_given(self) -> None:
        key, nonce = _key(self._sizes()[0][-1]), self._nonce()
        kinds: list[Any] = [bytearray, memoryview]
        for kind in kinds:
            aead = self.cipher().bind(kind(key))
            sealed = aead.encrypt(kind(nonce), kind(_PLAINTEXT), kind(b"header"))
            must(type(sealed) is bytes, f"encrypt gives a {type(sealed).__name__}, not bytes")
            opened = aead.decrypt(kind(nonce), kind(sealed), kind(b"header"))
            must(type(opened) is bytes, f"decrypt gives a {type(opened).__name__}, not bytes")
            same(opened, _PLAINTEXT, f"given as {kind.__name__}")

    @check
    def test_errors_are_ours_and_hold_neither_key_nor_plaintext(self) -> None:
        secrets = (_key(self._sizes()[0][-1]), _PLAINTEXT)
        aead, nonce = self.cipher().bind(secrets[0]), self._nonce()
        sealed = aead.encrypt(nonce, _PLAINTEXT)
        for error in self._errors(aead, nonce, sealed):
            hides(secrets, f"a {type(error).__name__}", *told(error))
        hides(secrets, "the repr", self.cipher(), aead)

    def _errors(self, aead: Aead, nonce: bytes, sealed: bytes) -> Iterator[BaseException]:
        wrong_key = _key(self._sizes()[0][-1]) + b"\x01"
        for attempt in (
            lambda: aead.decrypt(nonce, _flipped(sealed, -1)),
            lambda: aead.decrypt(nonce, b""),
            lambda: self.cipher().bind(wrong_key),
            lambda: aead.encrypt(b"", _PLAINTEXT),
            lambda: aead.decrypt(b"", sealed),
        ):
            with ours_alone("what can't be sealed or opened") as caught:
                attempt()
            yield caught.error

    def _refuses(self, what: str, nonce_size: int = 0, **changes: Any) -> None:
        aead, given = self._aead(), self._nonce(nonce_size)
        sealed = aead.encrypt(given, _PLAINTEXT)
        unchanged = {"nonce": given, "sealed": sealed}
        nonce, sealed = (changes.get(name, bytes)(value) for name, value in unchanged.items())
        with refused(what, DecryptionError):
            aead.decrypt(nonce, sealed)

    def _aead(self, key_size: int = 0) -> Aead:
        return self.cipher().bind(_key(key_size or self._sizes()[0][-1]))

    def _nonce(self, size: int = 0) -> bytes:
        return bytes(range(1, 1 + (size or self._sizes()[1][0])))

    def _sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (
            self.key_sizes or _KEY_SIZES.get(self.name) or skip("no key_sizes are stated"),
            self.nonce_sizes or _NONCE_SIZES.get(self.name) or skip("no nonce_sizes are stated"),
        )


_PLAINTEXT = b"the kettle is on, and nobody is to know"


def _key(size: int) -> bytes:
    return bytes((7 * number + 3) % 256 for number in range(size))


def _flipped(data: bytes, place: int) -> bytes:
    altered = bytearray(data)
    altered[place] ^= 0x01
    return bytes(altered)
