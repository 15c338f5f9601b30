"""Our handshakes over another client: HANDSHAKE payloads in and out, and at the end a session for that client."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hivemind_sdk import Credentials, installed_crypto, installed_handshakes
from hivemind_sdk.contracts import (
    Aead,
    Cipher,
    Compute,
    Crypto,
    Declined,
    Form,
    HandshakeContext,
    HandshakeScript,
    Role,
    Session,
)
from hivemind_sdk.errors import MalformedFrame, NoCommonHandshake

from .encryption import SupportedEncodings

_ENCODINGS = tuple(encoding.value for encoding in SupportedEncodings if encoding is not SupportedEncodings.JSON_Z85P)


class NoiseTransport:
    """The session of a protocol 3 link, with the names by which the reference's clients seal and open."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sending = threading.Lock()
        self.info = session.info
        self.remote_static_key = session.info.hub_key

    def encrypt_frame(self, payload: str | bytes) -> bytes:
        """One frame. Raises MalformedFrame for a payload that needs several; `send_message` sends those."""
        frames = self._seal(payload)
        if len(frames) != 1:
            raise MalformedFrame(f"the payload needs {len(frames)} frames", hint="use send_message")
        frame: bytes = frames[0]
        return frame

    def send_message(self, payload: str | bytes, raw_send: Callable[[bytes], Any]) -> None:
        """Seal JSON text or a binary frame, and send each frame with `raw_send`, in order."""
        with self._sending:
            for frame in self._seal(payload):
                raw_send(frame)

    def decrypt_frame(self, data: bytes) -> str | bytes | None:
        """JSON text or a binary frame; None while more must come. Raises as contracts.Session.open."""
        opened = self._session.open(bytes(data))
        if opened is None:
            return None
        form, plaintext = opened
        return plaintext.decode() if form is Form.TEXT else plaintext

    def _seal(self, payload: str | bytes) -> list[Any]:
        text = isinstance(payload, str)
        plaintext = payload.encode() if isinstance(payload, str) else bytes(payload)
        return self._session.seal(Form.TEXT if text else Form.BINARY, plaintext)


class _Watched:
    """The installed ciphers, and the key that was last bound: what the reference's clients want of protocols 0 to 2."""

    def __init__(self, crypto: Crypto) -> None:
        self._crypto = crypto
        self.cipher_names = crypto.cipher_names
        self.nonce_size = crypto.nonce_size
        self.primitive = crypto.primitive
        self.key: bytes | None = None

    def cipher(self, name: str) -> Cipher:
        return _WatchedCipher(self, self._crypto.cipher(name))


class _WatchedCipher:
    def __init__(self, watched: _Watched, cipher: Cipher) -> None:
        self._watched = watched
        self._cipher = cipher

    def bind(self, key: bytes) -> Aead:
        self._watched.key = key
        return self._cipher.bind(key)


class Negotiation:
    """The handshakes of one client; what they remember of failed attempts lasts as long as this."""

    def __init__(self) -> None:
        self._handshakes = installed_handshakes()
        self._crypto = _Watched(installed_crypto())
        self._script: HandshakeScript | None = None

    @property
    def running(self) -> bool:
        return self._script is not None

    @property
    def session_key(self) -> bytes | None:
        """Of a session of protocols 0 to 2."""
        return self._crypto.key

    def start(self, hm: Any, identity: Any, hello: dict[str, Any], offer: dict[str, Any], authority: str) -> Any:
        """The first step. -> the payload to send, or an Established. Raises NoCommonHandshake, and as the handshake."""
        highest = getattr(hm, "max_protocol_version", 2)
        context = HandshakeContext(
            role=Role.SATELLITE,
            authority=authority,
            hello=hello,
            offer=offer,
            credentials=Credentials(hm.key or "", hm.password or None, getattr(hm, "crypto_key", None) or None),
            crypto=self._crypto,
            state=identity.state,
            private_key=identity.private_pem,
            public_key=identity.public_key,
            ciphers=self._crypto.cipher_names,
            encodings=_ENCODINGS,
            binarize=bool(getattr(hm, "binarize", False)),
        )
        declined = []
        for protocol, handshake in self._handshakes:
            script = handshake.satellite(context) if protocol <= highest else Declined(f"protocol {protocol}")
            result: Any = script
            if not isinstance(script, Declined):
                self._script = script
                result = self._step(script.__next__)
            if not isinstance(result, Declined):
                return result
            declined.append(result.reason)
        raise NoCommonHandshake(f"no handshake that both sides can do ({'; '.join(declined)})")

    def reply(self, payload: dict[str, Any]) -> Any:
        """The peer's payload has come. -> as `start`"""
        script = self._script
        if script is None:
            raise MalformedFrame("a HANDSHAKE that nobody waits for")
        return self._step(lambda: script.send(payload))

    def forget(self) -> None:
        """The connection is gone; a handshake that waits learns of it."""
        script, self._script = self._script, None
        if script is not None:
            with suppress(Exception):  # its verdict on the attempt; the client tries again anyway
                script.close()

    def _step(self, step: Callable[[], Any]) -> Any:
        script = self._script
        if script is None:
            raise MalformedFrame("the handshake was given up")
        try:
            wanted = step()
            while isinstance(wanted, Compute):
                wanted = script.send(wanted.work())
        except StopIteration as stop:
            self._script = None
            return stop.value  # Established, or Declined where nothing was sent yet
        except BaseException:
            self._script = None
            raise
        return wanted.payload
