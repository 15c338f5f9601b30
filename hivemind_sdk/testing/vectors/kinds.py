"""The table of kinds: by which values a case is known, and what runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import ciphers, codec, encodings, envelope_json, intercom, negative, noise, password, rsa, transcript
from .case import Case
from .fields import Fields


@dataclass(frozen=True)
class Kind:
    """A case that has all of `marks` is of this kind. The marks of two kinds are never in one case."""

    name: str
    marks: frozenset[str]
    run: Callable[[Case], None]


KINDS = (
    Kind("codec", frozenset({"encode"}), codec.run),
    Kind("encodings", frozenset({"bytes_hex", "encoded"}), encodings.run),
    Kind("ciphers", frozenset({"cipher", "nonce_hex"}), ciphers.run),
    Kind("handshake_password", frozenset({"client_iv_hex", "server_iv_hex"}), password.run),
    Kind("handshake_rsa", frozenset({"mode"}), rsa.run),
    Kind("transcript", frozenset({"frames", "request_target"}), transcript.run),
    Kind("envelope_json", frozenset({"op"}), envelope_json.run),
    Kind("noise", frozenset({"kind", "psk_hex"}), noise.run),
    Kind("intercom", frozenset({"sender_key", "recipient_key"}), intercom.run),
    Kind("negative", frozenset({"area", "expect"}), negative.run),
)


def kind_of(fields: Fields) -> Kind | None:
    """The one kind that this case can be; None where it can be none, or several."""
    found = [kind for kind in KINDS if all(mark in fields for mark in kind.marks)]
    return found[0] if len(found) == 1 else None
