"""Receiving INTERCOM: for us, signed by a known key, not seen before; only then it is opened (wire.md section 7.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from hivemind_sdk.contracts import Action, Crypto, Drop, HandlerContext, Redispatch
from hivemind_sdk.errors import DecryptionError, RemoteProtocolError
from hivemind_sdk.hooks import HandlerPlugin, hookimpl
from hivemind_sdk.identity import bare, signer_of
from hivemind_sdk.messages import HiveMessage, HiveMessageType, RecentlySeen

from .envelope import Envelope

HIVEMIND_API = 1


@dataclass(frozen=True)
class IntercomOptions:
    """How many envelopes are remembered, so that the same one again is dropped."""

    remembered: int = 10_000


class IntercomHandler:
    """Fails closed: every step that does not succeed ends in a Drop with its reason."""

    def __init__(self, options: IntercomOptions) -> None:
        self._seen = RecentlySeen(options.remembered)

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        try:
            return [self._open(message, context)]
        except _Refused as refusal:
            return [Drop(refusal.reason, refusal.detail)]
        except DecryptionError:
            return [Drop("undecryptable", "an INTERCOM for this node")]
        except RemoteProtocolError as error:
            return [Drop("intercom malformed", str(error))]

    def _open(self, message: HiveMessage, context: HandlerContext) -> Redispatch:
        crypto, private_key = _addressed(message, context)
        envelope = Envelope.parse(message.payload)
        signer = signer_of(envelope.ciphertext, envelope.signature, context, crypto.primitive("RSA"))
        if signer is None:
            raise _Refused("untrusted", "an INTERCOM that no trusted key has signed")
        if _names_another(message.source_peer, signer, context):
            raise _Refused("untrusted", "it names another trusted key as its source than the one that has signed it")
        fingerprint = hashlib.sha256(envelope.ciphertext).digest()
        if fingerprint in self._seen:
            raise _Refused("replay", "an INTERCOM that came before")
        inner = HiveMessage.deserialize(envelope.open(crypto, private_key))
        self._seen.add(fingerprint)  # only now: a broken copy that is faster must not keep the real one out
        if inner.msg_type is not HiveMessageType.BUS:
            raise _Refused("unexpected inner message", f"{inner.msg_type.value} in an INTERCOM")
        if inner.target_public_key and bare(inner.target_public_key) != bare(context.public_key or ""):
            raise _Refused("intercom for others", "somebody to whom it was written has sealed it anew")
        return Redispatch(inner, signer)


class _Refused(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def _addressed(message: HiveMessage, context: HandlerContext) -> tuple[Crypto, str]:
    """What opens it, if it is for us."""
    if not message.target_public_key:
        raise _Refused("intercom without target", "only what names its addressee is opened")
    if context.public_key is None or context.private_key is None or context.crypto is None:
        raise _Refused("intercom without keys", "this node has no RSA keys: `hivemind-client reset-keys` makes them")
    if bare(message.target_public_key) != bare(context.public_key):
        raise _Refused("intercom for others", "")
    return context.crypto, context.private_key


def _names_another(source: str | None, signer: str, context: HandlerContext) -> bool:
    """Whether the key in `source_peer` is one that we trust, and not the signer's. Other names there say nothing."""
    claimed = bare(source or "")
    return claimed != bare(signer) and any(claimed == bare(key) for key in context.trusted_keys.values())


@hookimpl
def hivemind_handlers() -> list[HandlerPlugin]:
    return [
        HandlerPlugin(
            name="intercom-rsa",
            types=(HiveMessageType.INTERCOM,),
            create=IntercomHandler,
            options=IntercomOptions,
            help="opens messages that are encrypted for this node and signed by a key it trusts",
        )
    ]
