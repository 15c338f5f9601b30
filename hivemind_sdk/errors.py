"""Every exception that leaves the SDK.

HiveMindError
├── SettingsError (ValueError)          what the user configured can't be used
│   └── OptionError                     an option of one plugin
├── PluginError                         the catalogue can't give what is asked
│   ├── PluginMissing                   nothing installed serves this name
│   └── PluginConflict                  several plugins claim one name
├── IdentityError
│   ├── IdentityFileCorrupted           the file stays as it was
│   └── IdentityReadOnly                this backend can't be written
├── StoreFailed                         the file of durable messages can't be used
├── LocalProtocolError (ValueError)     what *we* tried to do is not allowed by the protocol
│   ├── MalformedMessage                a message that can't exist
│   ├── NotEncodable                    no frame can carry this message
│   │   └── MetadataTooLarge            over 255 bytes in a binary frame
│   ├── InvalidAudio                    samples in a format that hubs do not take
│   ├── InvalidCipher · InvalidEncoding · InvalidKeySize
├── RemoteProtocolError (ValueError)    what the *peer* sent; droppable unless said otherwise
│   ├── MalformedFrame                  no message can be read from it
│   │   └── UnsupportedProtocolVersion  a frame format of the future
│   ├── UnexpectedFrame                 well formed, but out of turn
│   │   └── Reflected                   our own, sent back to us
│   ├── DecryptionError                 fails authentication
│   │   └── SessionBroken               ... and the session can't go on (Noise)
│   └── LimitExceeded                   larger than our settings allow
├── LinkError (ConnectionError)         the link is not, or no longer, there
│   ├── NotConnected                    asked to send while there is no link
│   ├── OutboxFull                      ... and no more may wait for one
│   ├── Unreachable                     no transport could be opened
│   ├── LinkClosed                      the peer (or the network) closed it: .code, .reason
│   ├── LinkTimeout (TimeoutError)      a phase took longer than its deadline: .phase
│   └── Refused                         the hub does not want us; trying again won't help
│       ├── AuthenticationRefused       access key, password or pinned key
│       └── NoCommonHandshake           nothing that both sides can do
├── HandshakeError                      one attempt failed; .retry tells whether another may succeed
└── RequestError                        one request came to nothing
    ├── RequestTimeout (TimeoutError)
    ├── PolicyDenied                    the hub said `hive.policy.denied`
    ├── SpeechRefused                   the hub does not take this audio: .error
    └── RequestAborted                  the link went away first


Texts say what was wrong, with which value, and what to do. They never hold keys, passwords or payloads.
"""

from __future__ import annotations

NOT_ALLOWED = 4003
"""the close code for a verb that an access key has no permission for (wire-v3.md section 2)"""
_PERMISSIONS = (
    "on the hub, `hivemind-core allow-escalate` permits ESCALATE and QUERY to an access key, `allow-propagate` "
    "PROPAGATE, CASCADE and PING, `allow-broadcast` BROADCAST"
)


class HiveMindError(Exception):
    """The root of all errors of the SDK.

    `hint` says what the user can do, or is empty; a traceback shows it as a note (PEP 678). `retry`: a new link at once
    may end better, and is owed before giving up.
    """

    retry: bool = False
    _hint = ""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message)
        if hint:
            self.hint = hint

    @property
    def hint(self) -> str:
        return self._hint

    @hint.setter
    def hint(self, hint: str) -> None:
        others = [note for note in getattr(self, "__notes__", ()) if note != f"hint: {self._hint}"]
        self.__notes__ = [*others, f"hint: {hint}"] if hint else others
        self._hint = hint


class SettingsError(HiveMindError, ValueError):
    """A setting is missing or can't be used."""


class OptionError(SettingsError):
    """An option of a plugin is unknown or has a value of the wrong type."""


class PluginError(HiveMindError):
    """The catalogue can't give what was asked of it."""


class PluginMissing(PluginError):
    """No active plugin serves this name."""


class PluginConflict(PluginError):
    """Several plugins claim one name and the user has not said which one is preferred."""


class IdentityError(HiveMindError):
    """The identity can't be read or written."""


class IdentityFileCorrupted(IdentityError):
    """The identity file exists but can't be parsed; it was left untouched."""


class IdentityReadOnly(IdentityError):
    """This identity backend can't be written to."""


class StoreFailed(HiveMindError):
    """The file of durable messages can't be read or written; a message that was being emitted was not taken."""


class LocalProtocolError(HiveMindError, ValueError):
    """What we tried to do is not allowed by the protocol."""


class MalformedMessage(LocalProtocolError):
    """A message was built that can't exist."""


class NotEncodable(LocalProtocolError):
    """No frame of the wanted form can carry this message whole."""


class MetadataTooLarge(NotEncodable):
    """The metadata block exceeds the 255 bytes that a binary frame has for it."""


class InvalidAudio(LocalProtocolError):
    """Samples in a format that hubs do not take: they take 16 kHz, 16 bit, one channel."""


class InvalidCipher(LocalProtocolError):
    """No cipher is known under this name."""


class InvalidEncoding(LocalProtocolError):
    """No text encoding is known under this name."""


class InvalidKeySize(LocalProtocolError):
    """The key has a length that this cipher does not take."""


class RemoteProtocolError(HiveMindError, ValueError):
    """The peer sent something that the protocol does not allow."""


class MalformedFrame(RemoteProtocolError):
    """No message can be read from this frame."""


class UnsupportedProtocolVersion(MalformedFrame):
    """The frame states a format version that we do not know."""


class UnexpectedFrame(RemoteProtocolError):
    """A well-formed frame that has no business in this state of the link."""


class Reflected(UnexpectedFrame):
    """A frame that this side has sealed came back as the peer's."""


class DecryptionError(RemoteProtocolError):
    """The frame fails authentication under the session's key."""


class SessionBroken(DecryptionError):
    """A frame failed in a way that ends the whole session (an ordered one, such as Noise)."""


class LimitExceeded(RemoteProtocolError):
    """The peer sent something larger than the settings allow."""


class LinkError(HiveMindError, ConnectionError):
    """The link is not, or no longer, there."""


class NotConnected(LinkError):
    """There is no established link to send on."""


class OutboxFull(LinkError):
    """So much waits for the link already that no more is taken."""


class Unreachable(LinkError):
    """The transport could not be opened (name, network, TLS, upgrade)."""


class LinkClosed(LinkError):
    """The link ended. `code` is the transport's close code if it has one, `reason` the peer's text."""

    def __init__(self, message: str = "", *, code: int | None = None, reason: str = "", hint: str = "") -> None:
        super().__init__(
            message or _closed_text(code, reason), hint=hint or (_PERMISSIONS if code == NOT_ALLOWED else "")
        )
        self.code = code
        self.reason = reason


class LinkTimeout(LinkError, TimeoutError):
    """A phase of the link took longer than its deadline. `phase` names it."""

    def __init__(self, message: str = "", *, phase: str = "", hint: str = "") -> None:
        super().__init__(message or f"timed out while waiting for: {phase}", hint=hint)
        self.phase = phase


class Refused(LinkError):
    """The hub does not want this satellite; the same attempt again will not help."""

    def __init__(self, message: str = "", *, code: int | None = None, reason: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.reason = reason


class AuthenticationRefused(Refused):
    """The access key, the password or a pinned key was not accepted."""


class NoCommonHandshake(Refused):
    """Hub and satellite have no handshake in common."""


class HandshakeError(HiveMindError):
    """One handshake attempt failed. With `retry` a new connection at once may succeed (KK fallback)."""

    def __init__(self, message: str = "", *, retry: bool = False, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry = retry


class RequestError(HiveMindError):
    """One request came to nothing."""


class RequestTimeout(RequestError, TimeoutError):
    """No (complete) answer arrived in time."""


class PolicyDenied(RequestError):
    """The hub answered `hive.policy.denied`. `denied_type` is the bus type, `code` the hub's code."""

    def __init__(
        self, message: str = "", *, denied_type: str = "", code: str = "", reason: str = "", hint: str = ""
    ) -> None:
        super().__init__(message or f"the hub denied {denied_type!r} ({shown(code)}): {shown(reason)}", hint=hint)
        self.denied_type = denied_type
        self.code = code
        self.reason = reason


class SpeechRefused(RequestError):
    """The hub does not take this audio. `error` is its word for why; it wants `sample_rate` Hz, `sample_width` bytes.

    The two are None where the hub does not say.
    """

    def __init__(
        self, error: str = "", *, sample_rate: int | None = None, sample_width: int | None = None, hint: str = ""
    ) -> None:
        if sample_rate and sample_width and not hint:
            hint = f"the hub takes {sample_rate} Hz with {sample_width} bytes a sample"
        super().__init__(f"the hub refused the audio: {shown(error)}", hint=hint)
        self.error = error
        self.sample_rate = sample_rate
        self.sample_width = sample_width


class RequestAborted(RequestError):
    """The link went away before the answer came; `__cause__` says why."""


def shown(text: str) -> str:
    """A peer's text for logs and terminals: what does not print (controls, marks of direction) as an escape."""
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def _closed_text(code: int | None, reason: str) -> str:
    text = "the link was closed" + (f" with code {code}" if code is not None else " without a code")
    return f"{text}: {shown(reason)}" if reason else text
