"""The choice among the ciphers and primitives that are installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InvalidCipher
from .instances import Instances

if TYPE_CHECKING:
    from ..contracts import Cipher


class CryptoSuite:
    """contracts.Crypto over a catalogue: for each name the best provider, made when it is first used."""

    __slots__ = (
        "_given",
        "_instances",
        "_names",
    )

    def __init__(
        self, instances: Instances, ciphers: Sequence[str] = (), given: Mapping[str, Cipher] | None = None
    ) -> None:
        """`ciphers`: the wire names to use, in order of preference; empty: all there are, by rank.

        `given`: wire name -> a cipher to use instead of what is installed; it states its own `nonce_size` (bytes) where
        nothing installed does. Raises InvalidCipher for a name that nothing serves.
        """
        self._instances = instances
        self._given = dict(given or {})
        installed = instances.catalogue.ciphers
        ranked = sorted(installed, key=lambda name: (-installed[name][0].rank, name))
        self._names = tuple(dict.fromkeys(ciphers or (*self._given, *ranked)))
        for name in self._names:
            self._check(name)

    @property
    def cipher_names(self) -> tuple[str, ...]:
        """Wire names in order of preference."""
        return self._names

    def cipher(self, name: str) -> Cipher:
        """Raises InvalidCipher."""
        self._check(name)
        if name in self._given:
            return self._given[name]
        cipher: Cipher = self._instances.make(self._instances.catalogue.ciphers[name][0])
        return cipher

    def nonce_size(self, name: str) -> int:
        """Bytes of nonce that the v1/v2 envelope uses with this cipher. Raises InvalidCipher."""
        self._check(name)
        own = getattr(self._given.get(name), "nonce_size", None)
        if isinstance(own, int):
            return own
        return self._instances.catalogue.ciphers[name][0].nonce_size

    def primitive(self, name: str) -> Any:
        """Raises PluginMissing."""
        return self._instances.make(self._instances.catalogue.primitive(name))

    def _check(self, name: str) -> None:
        installed = self._instances.catalogue.ciphers
        if name in installed or hasattr(self._given.get(name), "nonce_size"):
            return
        if name in self._given:
            raise InvalidCipher(f"the cipher given for {name!r} does not state its nonce_size", hint="in bytes")
        there = ", ".join(sorted({*installed, *self._given})) or "none"
        raise InvalidCipher(f"no cipher {name!r} is installed; there is: {there}", hint="use one that is there")
