"""Receiving INTERCOM: for us, signed by a known key, never seen before; only then is anything decrypted (wire.md section 7.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from hivemind_sdk.contracts import Action, Drop, HandlerContext, Redispatch
from hivemind_sdk.errors import DecryptionError, RemoteProtocolError
from hivemind_sdk.messages import HiveMessage, HiveMessageType
from hivemind_sdk.recent import Recent
from hivemind_sdk.trust import bare, signer_of

from .envelope import Envelope


@dataclass(frozen=True)
class IntercomOptions:
    """How many envelopes are remembered, so that the same one again is dropped."""

    remembered: int = 10_000


class IntercomHandler:
    """Fails closed: every step that does not succeed ends in a Drop with its reason."""

    def __init__(self, options: IntercomOptions) -> None:
        self._seen = Recent(options.remembered)

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        target = message.target_public_key
        if not target:
            return [Drop("intercom without target", "only what names its addressee is opened")]
        if not context.public_key or not context.private_key or context.crypto is None:
            return [Drop("intercom without keys", "this node has no RSA keys: `hivemind-client reset-keys` makes them")]
        if bare(target) != bare(context.public_key):
            return [Drop("intercom for others")]
        try:
            envelope = Envelope.parse(message.payload)
        except RemoteProtocolError as error:
            return [Drop("intercom malformed", str(error))]
        signer = signer_of(envelope.ciphertext, envelope.signature, context, context.crypto.primitive("RSA"))
        if signer is None:
            return [Drop("untrusted", "an INTERCOM that no trusted key has signed")]
        fingerprint = hashlib.sha256(envelope.ciphertext).digest()
        if fingerprint in self._seen:
            return [Drop("replay", "an INTERCOM that came before")]
        try:
            inner = HiveMessage.deserialize(envelope.open(context.crypto, context.private_key))
        except DecryptionError:
            return [Drop("undecryptable", "an INTERCOM for this node")]
        except RemoteProtocolError as error:
            return [Drop("intercom malformed", str(error))]
        self._seen.add(fingerprint)  # only now: a broken copy that is faster must not keep the real one out
        if inner.msg_type is not HiveMessageType.BUS:
            return [Drop("unexpected inner message", f"{inner.msg_type.value} in an INTERCOM")]
        if inner.target_public_key and bare(inner.target_public_key) != bare(context.public_key):
            return [Drop("intercom for others", "it was sealed anew by somebody whom it was written to")]
        return [Redispatch(inner, signer)]
