"""The session of v1/v2 links: one key, one random nonce for each frame, text frames as JSON (wire.md section 6)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from ..errors import MalformedFrame, UnexpectedFrame
from ..messages import JSONObject
from ..messages.encodings import get_encoding
from ..messages.strict_json import dumps, loads
from .crypto import Aead
from .ends import Frame
from .sessions import Form, SessionInfo

TAG_SIZE = 16
"""bytes; every cipher of the hive has tags of this size"""


class EnvelopeSession:
    """Satisfies contracts.Session. `info.encoding` names the text encoding (wire.md section 6.4).

    TEXT travels as `{"ciphertext", "tag", "nonce"}` (section 6.3), BINARY as `nonce || ciphertext || tag` (6.2).

    Frames carry no counter: whoever can write to the link can repeat, reorder or hold back a frame that was seen on it,
    and each copy opens. Only the session of protocol 3 (Noise) notices.
    """

    __slots__ = ("_aead", "_encoding", "_nonce_size", "_random", "info")

    def __init__(
        self, info: SessionInfo, aead: Aead, nonce_size: int, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        """`nonce_size` in bytes, `random(size)` draws the nonces. Raises InvalidEncoding."""
        self.info = info
        self._aead = aead
        self._nonce_size = nonce_size
        self._encoding = get_encoding(info.encoding)
        self._random = random

    def seal(self, form: Form, plaintext: bytes) -> list[Frame]:
        """-> one frame: str for TEXT, bytes for BINARY"""
        nonce = self._random(self._nonce_size)
        sealed = self._aead.encrypt(nonce, plaintext)
        if form is Form.BINARY:
            return [nonce + sealed]
        encode = self._encoding.encode
        fields = {"ciphertext": sealed[:-TAG_SIZE], "tag": sealed[-TAG_SIZE:], "nonce": nonce}
        return [dumps({name: encode(value) for name, value in fields.items()})]

    def open(self, frame: Frame) -> tuple[Form, bytes]:
        """A str frame opens to TEXT, a bytes frame to BINARY.

        Raises DecryptionError, MalformedFrame, or UnexpectedFrame for JSON that is not sealed.
        """
        if isinstance(frame, bytes):
            return Form.BINARY, self._open_binary(frame)
        # the depth is of no interest: an envelope is flat, and counting brackets in ciphertext would be slow
        return self.open_object(loads(frame, depth=sys.maxsize))

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
            _check_size("tag", tag, TAG_SIZE)
            sealed += tag
        _check_size("nonce", nonce, self._nonce_size)
        if len(sealed) < TAG_SIZE:
            raise MalformedFrame(f"ciphertext of {len(sealed)} bytes has no room for the tag")
        return Form.TEXT, self._aead.decrypt(nonce, sealed)

    def _open_binary(self, frame: bytes) -> bytes:
        if len(frame) < self._nonce_size + TAG_SIZE:
            raise MalformedFrame(f"a binary frame of {len(frame)} bytes has no room for nonce and tag")
        return self._aead.decrypt(frame[: self._nonce_size], frame[self._nonce_size :])

    def _field(self, envelope: JSONObject, name: str) -> bytes:
        text = envelope.get(name)
        if not isinstance(text, str):
            raise MalformedFrame(f"{name!r} of an envelope is text, not {type(text).__name__}")
        return self._encoding.decode(text)


def _check_size(name: str, value: bytes, size: int) -> None:
    if len(value) != size:
        raise MalformedFrame(f"{name!r} of an envelope has {len(value)} bytes instead of {size}")
