"""What the runner uses of the SDK: whatever plugins are installed and chosen, found as a satellite would find them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from hivemind_sdk.contracts import RSA, Crypto, Handshake, SessionInfo
from hivemind_sdk.contracts.envelope import EnvelopeSession
from hivemind_sdk.engine.dispatch import NamedHandler
from hivemind_sdk.errors import PluginMissing
from hivemind_sdk.settings import PluginSettings

if TYPE_CHECKING:
    from hivemind_sdk.plugins.catalogue import Catalogue
    from hivemind_sdk.plugins.instances import Instances


class Engine:
    """Loads plugins when a case needs them. Raises PluginMissing and InvalidCipher where nothing serves a name."""

    def __init__(self, plugins: PluginSettings | None = None) -> None:
        """`plugins` chooses among several providers; None: config file and environment do."""
        self._plugins = plugins

    @cached_property
    def _catalogue(self) -> Catalogue:
        from hivemind_sdk.plugins.loader import load

        return load(self._plugins, kinds=("cipher", "primitive", "handshake", "handler"))

    def _instances(self) -> Instances:
        from hivemind_sdk.plugins.instances import Instances

        return Instances(self._catalogue, self._plugins)

    @cached_property
    def crypto(self) -> Crypto:
        from hivemind_sdk.plugins.crypto_suite import CryptoSuite

        return CryptoSuite(self._instances())

    @property
    def rsa(self) -> RSA:
        rsa: RSA = self.crypto.primitive("RSA")
        return rsa

    def handshake(self, protocol: int) -> Handshake:
        """A new instance of the preferred handshake of this protocol version: it may remember its last attempt."""
        for record in self._catalogue.handshakes_in(()):
            if record.protocol == protocol:
                handshake: Handshake = self._instances().make(record)
                return handshake
        raise PluginMissing(f"no handshake of protocol {protocol} is installed")

    def handlers(self) -> list[NamedHandler]:
        """New instances of the message-type handlers: they remember what they have seen."""
        make = self._instances().make
        return [NamedHandler(one.name, one.types, make(one)) for one in self._catalogue.handlers]

    def session(
        self, cipher: str, encoding: str, key: bytes, random: Callable[[int], bytes] = os.urandom
    ) -> EnvelopeSession:
        """A v1/v2 session under this key, with `random` for its nonces."""
        aead = self.crypto.cipher(cipher).bind(key)
        info = SessionInfo(protocol=2, handshake="vectors", cipher=cipher, encoding=encoding)
        return EnvelopeSession(info, aead, self.crypto.nonce_size(cipher), random)
