"""Messages to frames and back: text frames, binary frames, and the text encodings of sealed bytes."""

from ...messages.encodings import ENCODINGS, Encoding, get_encoding
from .binary import binary_parts, can_be_binary, decode_binary, encode_binary
from .codecs import STRICT, Codec, ProvidedCodec
from .text import decode_text, encode_text, message_from_object

__all__ = [
    "ENCODINGS",
    "STRICT",
    "Codec",
    "Encoding",
    "ProvidedCodec",
    "binary_parts",
    "can_be_binary",
    "decode_binary",
    "decode_text",
    "encode_binary",
    "encode_text",
    "get_encoding",
    "message_from_object",
]
