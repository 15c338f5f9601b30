"""The exceptions of the reference client. Each is also, or is raised as, an error of `hivemind_sdk.errors`."""

from __future__ import annotations

from hivemind_sdk import errors
from hivemind_sdk.errors import (
    DecryptionError,
    HiveMindError,
    IdentityFileCorrupted,
    InvalidCipher,
    InvalidEncoding,
    InvalidKeySize,
    MalformedFrame,
    MetadataTooLarge,
    UnsupportedProtocolVersion,
)

__all__ = [
    "DecodingError",
    "DecryptionKeyError",
    "EncryptionKeyError",
    "HandshakeTimeout",
    "HiveMindConnectionError",
    "HiveMindEntryPointNotFound",
    "HiveMindException",
    "IdentityFileCorrupted",
    "InvalidCipher",
    "InvalidEncoding",
    "InvalidKeySize",
    "MalformedBinaryFrame",
    "MetadataTooLarge",
    "NotConfigured",
    "NotReady",
    "RefusedByHub",
    "SecureConnectionFailed",
    "UnauthorizedKeyError",
    "UnsupportedProtocolVersion",
    "WrongEncryptionKey",
    "Z85DecodeError",
]

HiveMindException = HiveMindError
DecodingError = MalformedFrame
MalformedBinaryFrame = MalformedFrame
Z85DecodeError = MalformedFrame


class UnauthorizedKeyError(HiveMindException):
    """The hub does not accept the access key."""


class WrongEncryptionKey(HiveMindException):
    """A key does not fit."""


class DecryptionKeyError(WrongEncryptionKey, DecryptionError):
    """The payload can't be decrypted."""


class EncryptionKeyError(WrongEncryptionKey):
    """The payload can't be encrypted."""


class HiveMindConnectionError(errors.LinkError):
    """There is no connection to the hub."""


class SecureConnectionFailed(HiveMindConnectionError):
    """TLS failed."""


class HiveMindEntryPointNotFound(HiveMindConnectionError):
    """Nothing answers at the address."""


# --- what the reference raises without a name of its own ---


class NotConfigured(errors.SettingsError, RuntimeError):
    """Access key, or host, is neither given nor in the identity. The reference raises RuntimeError."""


class RefusedByHub(UnauthorizedKeyError, errors.LinkError, ConnectionRefusedError):
    """The hub refuses this identity, and no retry helps. The reference raises ConnectionRefusedError."""


class HandshakeTimeout(HiveMindConnectionError, RuntimeError):
    """The link was not ready in time; it is still tried. The reference raises RuntimeError."""


class NotReady(errors.NotConnected, RuntimeError, ValueError):
    """Nothing was sent: there is no link. The reference raises RuntimeError, or ValueError before `connect`."""
