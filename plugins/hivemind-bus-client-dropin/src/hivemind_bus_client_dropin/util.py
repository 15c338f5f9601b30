"""Conversions between messages, JSON text and objects; zlib."""

from __future__ import annotations

import json
import warnings
import zlib
from typing import Any

from hivemind_sdk.errors import MalformedMessage

from . import encryption
from .encryption import SupportedCiphers, SupportedEncodings
from .message import HiveMessage, HiveMessageType, Message

__all__ = [
    "SupportedCiphers",
    "SupportedEncodings",
    "bytes2str",
    "cast2bytes",
    "compress_payload",
    "decompress_payload",
    "decrypt_bin",
    "decrypt_from_json",
    "encrypt_as_json",
    "encrypt_bin",
    "get_hivemsg",
    "get_mycroft_msg",
    "get_payload",
    "parse_text_frame",
    "payload2dict",
    "serialize_message",
    "unencrypted_frame_allowed",
]

_IN_CLEAR = frozenset({HiveMessageType.HELLO.value, HiveMessageType.HANDSHAKE.value})


def serialize_message(message: Any) -> str:
    """JSON text of a HiveMessage, a Message, a dict, or an object with `serialize` or attributes."""
    if hasattr(message, "serialize"):
        text: str = message.serialize()
        return text
    return json.dumps(message if isinstance(message, dict) else vars(message), default=_plain)


def parse_text_frame(message: Any) -> dict[str, Any] | None:
    """A text frame as an object; None where it is none."""
    if isinstance(message, dict):
        return message
    try:
        frame = json.loads(message)
    except (ValueError, TypeError):
        return None
    return frame if isinstance(frame, dict) else None


def unencrypted_frame_allowed(message: Any, handshake_done: bool) -> bool:
    """Whether a frame in clear may count on a link with a key: HELLO and HANDSHAKE, until the handshake is done."""
    frame = parse_text_frame(message)
    return not handshake_done and frame is not None and frame.get("msg_type") in _IN_CLEAR


def payload2dict(payload: Any) -> dict[str, Any]:
    """A message, or JSON text, as plain JSON, all the way down."""
    if isinstance(payload, str):
        payload = json.loads(payload)
    plain: Any = json.loads(json.dumps(_plain(payload), default=_plain))
    if not isinstance(plain, dict):
        raise MalformedMessage(f"{type(payload).__name__} is no object")
    return plain


def get_payload(msg: Any) -> dict[str, Any]:
    """The payload of a HiveMessage, or else what is given, as plain JSON."""
    return payload2dict(msg.payload if isinstance(msg, HiveMessage) else msg)


def get_hivemsg(msg: Any) -> HiveMessage:
    """A HiveMessage of its JSON text or object, or of a bus message. Raises ValueError."""
    if isinstance(msg, HiveMessage):
        return msg
    return HiveMessage(HiveMessageType.BUS, msg) if isinstance(msg, Message) else HiveMessage.from_wire(msg)


def get_mycroft_msg(pload: Any) -> Message:
    """The bus message of a HiveMessage of BUS, of a JSON text or an object. Raises ValueError where none is."""
    if isinstance(pload, HiveMessage):
        pload = pload.payload
    if isinstance(pload, (str, bytes)):
        pload = json.loads(pload)
    if isinstance(pload, dict) and (topic := pload.get("msg_type") or pload.get("type")):
        pload = Message(topic, pload.get("data"), pload.get("context"))
    if not isinstance(pload, Message):
        raise MalformedMessage("there is no bus message in it")
    return pload


def compress_payload(text: str | bytes) -> bytes:
    """By zlib."""
    return zlib.compress(text.encode() if isinstance(text, str) else text)


def decompress_payload(compressed: bytes) -> bytes:
    """By zlib; not for bytes that a peer sent, whose size nothing bounds."""
    return zlib.decompress(compressed)


def cast2bytes(payload: Any, compressed: bool = False) -> bytes:
    """A dict (as JSON) or text as bytes, on request compressed."""
    if isinstance(payload, dict):
        payload = json.dumps(payload)
    data: bytes = payload.encode() if isinstance(payload, str) else payload
    return compress_payload(data) if compressed else data


def bytes2str(payload: bytes, compressed: bool = False) -> str:
    """The text of such bytes."""
    return (decompress_payload(payload) if compressed else payload).decode()


# --- deprecated: `encryption` has them ---


def encrypt_as_json(key: str | bytes, data: Any, b64: bool = False) -> str:
    """`encryption.encrypt_as_json` with AES-GCM, and hexadecimal text unless `b64`."""
    encoding = SupportedEncodings.JSON_B64 if b64 else SupportedEncodings.JSON_HEX
    return _moved("encrypt_as_json")(key, data, encoding=encoding)  # type: ignore[no-any-return]


def decrypt_from_json(key: str | bytes, data: str | bytes) -> str:
    """`encryption.decrypt_from_json` with AES-GCM, hexadecimal text or base64."""
    decrypt = _moved("decrypt_from_json")
    try:
        return decrypt(key, data, encoding=SupportedEncodings.JSON_HEX)  # type: ignore[no-any-return]
    except encryption.DecryptionKeyError:
        return decrypt(key, data, encoding=SupportedEncodings.JSON_B64)  # type: ignore[no-any-return]


def encrypt_bin(key: str | bytes, data: str | bytes) -> bytes:
    """`encryption.encrypt_bin` with AES-GCM."""
    return _moved("encrypt_bin")(key, data, SupportedCiphers.AES_GCM)  # type: ignore[no-any-return]


def decrypt_bin(key: str | bytes, ciphertext: bytes) -> bytes:
    """`encryption.decrypt_bin` with AES-GCM."""
    return _moved("decrypt_bin")(key, ciphertext, SupportedCiphers.AES_GCM)  # type: ignore[no-any-return]


def _moved(name: str) -> Any:
    warnings.warn(
        f"{name} is deprecated here: it is in hivemind_bus_client.encryption", DeprecationWarning, stacklevel=3
    )
    return getattr(encryption, name)


def _plain(value: Any) -> Any:
    if isinstance(value, HiveMessage):
        return value.as_dict
    if isinstance(value, Message):
        return {"type": value.msg_type, "data": value.data, "context": value.context}
    if isinstance(value, dict):
        return value
    if hasattr(value, "serialize"):
        return value.serialize()
    raise MalformedMessage(f"{type(value).__name__} has no JSON form")
