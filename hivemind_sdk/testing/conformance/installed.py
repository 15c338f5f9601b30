"""The ciphers and primitives that are installed, for checks that need some that are right."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...plugins.crypto_suite import CryptoSuite


@lru_cache(maxsize=1)
def installed_crypto() -> CryptoSuite:
    """As a satellite would choose them; loaded once."""
    from ...plugins.crypto_suite import CryptoSuite
    from ...plugins.instances import Instances
    from ...plugins.loader import load

    return CryptoSuite(Instances(load(kinds={"cipher", "primitive"})))
