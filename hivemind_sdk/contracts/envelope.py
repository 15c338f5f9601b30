"""The session of v0 to v2 links: one key, a nonce for each frame, text frames as JSON (wire.md section 6)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from ..errors import MalformedFrame, Reflected, SessionBroken, UnexpectedFrame
from ..messages import JSONObject
from ..messages.encodings import get_encoding
from ..messages.strict_json import dumps, loads
from .crypto import Aead
from .ends import Frame
from .sessions import Form, SessionInfo

TAG_SIZE = 16
"""bytes; every cipher of the hive has tags of this size"""
_FIRST = '{"ciphertext": "'
_BETWEEN = [", ", ": ", ", ", ": ", "}"]
"""behind the ciphertext, what surrounds two names and two values"""
_SHORTEST_PREFIX = 6
"""bytes of a nonce by which a session knows its own: with fewer, the peer's would be taken for ours by chance"""


class _Nonces:
    """The nonces of one session: a random number and those that follow it; so each is used once, and known as ours.

    The first bytes stay the same for the life of the session, which is all that has to be remembered.
    """

    __slots__ = ("_count", "_left", "_random", "_size", "_tail", "prefix")

    def __init__(self, size: int, random: Callable[[int], bytes]) -> None:
        self._size = size
        self._random = random
        self._tail = 8 if size >= 16 else 4
        self._count = 0
        self._left = 1 << 8 * self._tail
        self.prefix: bytes | None = None
        """None before the first one"""

    def next(self) -> bytes:
        """Raises SessionBroken when all have been used."""
        if self._size - self._tail < _SHORTEST_PREFIX:
            return self._random(self._size)
        if self.prefix is None:
            first = self._random(self._size)
            self.prefix, self._count = first[: -self._tail], int.from_bytes(first[-self._tail :], "big")
        if not self._left:
            raise SessionBroken("the nonces of this session are used up", hint="reconnect for a new session")
        nonce = self.prefix + self._count.to_bytes(self._tail, "big")
        self._count = (self._count + 1) % (1 << 8 * self._tail)
        self._left -= 1
        return nonce


class EnvelopeSession:
    """Satisfies contracts.Session. `info.encoding` names the text encoding (wire.md section 6.4).

    TEXT travels as `{"ciphertext", "tag", "nonce"}` (section 6.3), BINARY as `nonce || ciphertext || tag` (6.2).

    Both directions have one key. What this session has sealed is refused when it comes back. Nothing else tells what is
    new: whoever can write to the link can repeat, reorder or hold back a frame of the peer that was seen on it, and
    each copy opens. Only the session of protocol 3 (Noise) notices.
    """

    __slots__ = ("_aead", "_encoding", "_nonce_size", "_nonces", "info")

    def __init__(
        self, info: SessionInfo, aead: Aead, nonce_size: int, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        """`nonce_size` in bytes, `random(size)` draws the first nonce. Raises InvalidEncoding."""
        self.info = info
        self._aead = aead
        self._nonce_size = nonce_size
        self._encoding = get_encoding(info.encoding)
        self._nonces = _Nonces(nonce_size, random)

    def seal(self, form: Form, plaintext: bytes) -> list[Frame]:
        """-> one frame: str for TEXT, bytes for BINARY. Raises SessionBroken where all nonces have been used."""
        nonce = self._nonces.next()
        sealed = self._aead.encrypt(nonce, plaintext)
        if form is Form.BINARY:
            return [nonce + sealed]
        encode = self._encoding.encode
        ciphertext, tag, sent = encode(sealed[:-TAG_SIZE]), encode(sealed[-TAG_SIZE:]), encode(nonce)
        if self._encoding.escaped:
            return [dumps({"ciphertext": ciphertext, "tag": tag, "nonce": sent})]
        return [f'{{"ciphertext": "{ciphertext}", "tag": "{tag}", "nonce": "{sent}"}}']  # JSON, in a third of the time

    def seal_parts(self, form: Form, head: bytes, body: bytes) -> list[Frame]:
        """The same for a plaintext in two parts, which is let go before nonce and ciphertext are joined."""
        if form is not Form.BINARY:
            return self.seal(form, head + body)
        nonce = self._nonces.next()
        sealed = self._aead.encrypt(nonce, head + body)
        return [nonce + sealed]

    def open(self, frame: Frame) -> tuple[Form, bytes]:
        """A str frame opens to TEXT, a bytes frame to BINARY.

        Raises DecryptionError, MalformedFrame, UnexpectedFrame for JSON that is not sealed, or Reflected for a frame
        that this session has sealed itself.
        """
        if isinstance(frame, bytes):
            return Form.BINARY, self._open_binary(frame)
        # the depth is of no interest: an envelope is flat, and counting brackets in ciphertext would be slow
        return self.open_object(_fields(frame) or loads(frame, depth=sys.maxsize))

    def open_object(self, envelope: Any) -> tuple[Form, bytes]:
        """`open` for a text frame that was parsed already. Keys beside the three are ignored.

        The tag may be the end of the ciphertext instead of a field of its own. Every size must be exact.
        """
        if not isinstance(envelope, dict):
            raise MalformedFrame(f"an envelope is an object, not {type(envelope).__name__}")
        if "ciphertext" not in envelope:
            raise UnexpectedFrame("a frame in clear, on a link where all is encrypted")
        nonce = self._field(envelope, "nonce")
        sealed = self._field(envelope, "ciphertext")
        if "tag" in envelope:
            tag = self._field(envelope, "tag")
            if len(tag) != TAG_SIZE:
                raise _wrong_size("tag", tag, TAG_SIZE)
            sealed += tag
        if len(nonce) != self._nonce_size:
            raise _wrong_size("nonce", nonce, self._nonce_size)
        if len(sealed) < TAG_SIZE:
            raise MalformedFrame(f"ciphertext of {len(sealed)} bytes has no room for the tag")
        return Form.TEXT, self._decrypt(nonce, sealed)

    def _open_binary(self, frame: bytes) -> bytes:
        if len(frame) < self._nonce_size + TAG_SIZE:
            raise MalformedFrame(f"a binary frame of {len(frame)} bytes has no room for nonce and tag")
        return self._decrypt(frame[: self._nonce_size], frame[self._nonce_size :])

    def _decrypt(self, nonce: bytes, sealed: bytes) -> bytes:
        ours = self._nonces.prefix
        if ours is not None and nonce.startswith(ours):
            raise Reflected("a frame of our own came back: somebody in between sends it to us")
        return self._aead.decrypt(nonce, sealed)

    def _field(self, envelope: JSONObject, name: str) -> bytes:
        text = envelope.get(name)
        if not isinstance(text, str):
            raise MalformedFrame(f"{name!r} of an envelope is text, not {type(text).__name__}")
        return self._encoding.decode(text)


def _fields(frame: str) -> dict[str, str] | None:
    """The fields of an envelope that is written as Python and this file write it, in a quarter of the time.

    None: JSON has to be read. What is no digit of the encoding is refused where the fields are decoded.
    """
    if not frame.startswith(_FIRST):
        return None
    start = len(_FIRST)
    end = frame.find('"', start)
    parts = frame[end:].split('"')  # not of the whole: most of it is the ciphertext
    if len(parts) != 2 * len(_BETWEEN) or parts[1::2] != _BETWEEN or "\\" in frame:
        return None
    return {"ciphertext": frame[start:end], parts[2]: parts[4], parts[6]: parts[8]}


def _wrong_size(name: str, value: bytes, size: int) -> MalformedFrame:
    return MalformedFrame(f"{name!r} of an envelope has {len(value)} bytes instead of {size}")
