"""A Noise session: nonces, markers, chunks, order (wire-v3.md section 4.9). Whatever does not fit ends it."""

from __future__ import annotations

from struct import Struct

from hivemind_sdk.contracts import Aead, Form, Frame, Role, SessionInfo
from hivemind_sdk.errors import DecryptionError, NotEncodable, SessionBroken, UnexpectedFrame

TAG_SIZE = 16
MAX_MESSAGE = 65535
"""bytes of any Noise message"""
_LAST_NONCE = 2**64 - 2
"""2**64 - 1 is reserved (Noise section 5.1)"""
CHUNK = 65000
"""the most bytes of a body in one frame"""
MOST = 32 * 1024 * 1024
"""bytes of a message: a hub ends the session of whoever sends more"""
_MARKER = 1
_WHOLE = {Form.TEXT: b"\x00", Form.BINARY: b"\x01"}
_FIRST = {Form.TEXT: b"\x02", Form.BINARY: b"\x03"}
_MIDDLE, _LAST = b"\x04", b"\x05"
_WHOLE_FORMS = {marker[0]: form for form, marker in _WHOLE.items()}
_FIRST_FORMS = {marker[0]: form for form, marker in _FIRST.items()}


class CipherState:
    """One key, one direction, one counter. A nonce is used once; when they are used up the session is over."""

    __slots__ = ("_aead", "_counter", "_nonce")

    def __init__(self, aead: Aead, nonce: Struct, counter: int = 0) -> None:
        self._aead, self._nonce, self._counter = aead, nonce.pack, counter

    def encrypt(self, plaintext: bytes, associated_data: bytes = b"") -> bytes:
        """Raises SessionBroken when the nonces are used up."""
        counter = self._counter
        if counter > _LAST_NONCE:
            raise _exhausted()
        self._counter = counter + 1
        return self._aead.encrypt(self._nonce(counter), plaintext, associated_data)

    def decrypt(self, ciphertext: bytes, associated_data: bytes = b"") -> bytes:
        """Raises DecryptionError, after which the counter stands where it stood; SessionBroken as above."""
        counter = self._counter
        if counter > _LAST_NONCE:
            raise _exhausted()
        if len(ciphertext) < TAG_SIZE:
            raise DecryptionError(f"{len(ciphertext)} bytes can't hold a tag")
        plaintext = self._aead.decrypt(self._nonce(counter), ciphertext, associated_data)
        self._counter = counter + 1
        return plaintext


class NoiseSession:
    """See contracts.Session. `reassembly`: the most bytes of one message that the peer may make us hold."""

    def __init__(
        self, info: SessionInfo, send: CipherState, receive: CipherState, *, role: Role, reassembly: int
    ) -> None:
        self.info = info
        self._encrypt, self._decrypt = send.encrypt, receive.decrypt
        self._role, self._reassembly = role, reassembly
        self._open: Form | None = None
        self._body = bytearray()
        self._broken = ""

    def longest_frame(self, form: Form, size: int) -> int:  # noqa: ARG002
        """See MeasuringSession: a nonce that is used in vain would end the session."""
        return min(size, CHUNK) + _MARKER + TAG_SIZE

    def seal(self, form: Form, plaintext: bytes) -> list[Frame]:
        """Raises SessionBroken when the nonces are used up, and NotEncodable, without using one, for more than MOST."""
        if len(plaintext) > MOST:
            raise NotEncodable(
                f"a message of {len(plaintext)} bytes can't be sent: hubs take {MOST}", hint="send it in parts"
            )
        if len(plaintext) <= CHUNK:
            return [self._encrypt(_WHOLE[form] + plaintext)]
        return self.seal_parts(form, b"", plaintext)

    def seal_parts(self, form: Form, head: bytes, body: bytes) -> list[Frame]:
        """The same for a plaintext in two parts, the first of at most one chunk, without a copy of the whole."""
        first = CHUNK - len(head)
        if first >= len(body):
            return self.seal(form, head + body)
        starts = range(first, len(body), CHUNK)
        markers = [*[_MIDDLE] * (len(starts) - 1), _LAST]
        with memoryview(body) as view:
            return [
                self._encrypt(b"".join((_FIRST[form], head, view[:first]))),
                *(
                    self._encrypt(b"".join((marker, view[start : start + CHUNK])))
                    for marker, start in zip(markers, starts, strict=True)
                ),
            ]

    def open(self, frame: Frame) -> tuple[Form, bytes] | None:
        """Raises SessionBroken, and from then on nothing else; UnexpectedFrame for a text frame to a satellite."""
        if isinstance(frame, str):
            raise self._text_frame()
        if self._broken:
            raise self._break(self._broken)
        if len(frame) > MAX_MESSAGE:
            raise self._break(f"a frame of {len(frame)} bytes is longer than a Noise message can be")
        try:
            plaintext = self._decrypt(frame)
        except SessionBroken as error:
            raise self._break(str(error)) from None
        except DecryptionError:
            raise self._break("a frame fails authentication: changed, replayed, lost or out of order") from None
        if not plaintext:
            raise self._break("a frame without a marker")
        form = _WHOLE_FORMS.get(plaintext[0])
        if form is not None and self._open is None:
            return self._complete(form, plaintext[1:])
        return self._take(plaintext[0], plaintext[1:])

    def _take(self, marker: int, body: bytes) -> tuple[Form, bytes] | None:
        if marker > _LAST[0]:
            raise self._break(f"unknown marker {marker}")
        continues = marker in (_MIDDLE[0], _LAST[0])
        if continues is (self._open is None):
            raise self._break("a chunk without a beginning" if continues else "a message begins inside another one")
        if len(self._body) + len(body) > self._reassembly:
            raise self._break(f"a message exceeds the limit of {self._reassembly} bytes")
        self._body += body
        if marker in _FIRST_FORMS:
            self._open = _FIRST_FORMS[marker]
        if marker != _LAST[0] or self._open is None:
            return None
        form, whole = self._open, bytes(self._body)
        self._open, self._body = None, bytearray()
        return self._complete(form, whole)

    def _complete(self, form: Form, body: bytes) -> tuple[Form, bytes]:
        if form is Form.TEXT and not body.isascii():
            try:
                body.decode()
            except UnicodeDecodeError:
                raise self._break("a text message is not UTF-8") from None
        return form, body

    def _text_frame(self) -> SessionBroken | UnexpectedFrame:
        what = "a text frame on a Noise session"
        return self._break(what) if self._role is Role.HUB else UnexpectedFrame(what)

    def _break(self, why: str) -> SessionBroken:
        self._broken = why
        self._open, self._body = None, bytearray()
        return SessionBroken(f"the Noise session is broken: {why}")


def _exhausted() -> SessionBroken:
    return SessionBroken("the nonces of this session are used up", hint="reconnect for a new session")
