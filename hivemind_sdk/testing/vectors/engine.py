"""What the runner uses of the SDK's plugins: whatever is installed and chosen, found as a satellite would find it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...contracts import RSA, Crypto, Handshake

if TYPE_CHECKING:
    from ...catalogue import Catalogue


class Engine:
    """Loads plugins when the first case needs one. Raises PluginMissing and InvalidCipher where nothing serves a name."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        self._catalogue = catalogue

    @cached_property
    def catalogue(self) -> Catalogue:
        from ...loader import load

        return self._catalogue or load()

    @cached_property
    def crypto(self) -> Crypto:
        from ...instances import CryptoSuite

        return CryptoSuite(self.catalogue)

    @cached_property
    def rsa(self) -> RSA:
        rsa: RSA = self.crypto.primitive("RSA")
        return rsa

    def handshake(self, name: str) -> Handshake:
        """A new instance: one handshake remembers how its last attempt ended."""
        raise NotImplementedError(name)


__all__: list[Any] = ["Engine"]
