"""The installed ciphers, primitives, handshakes and handlers, for programs that need them without a satellite."""

from __future__ import annotations

from ..contracts import Crypto, Handler, Handshake
from ..messages import HiveMessageType
from .config import plugin_settings
from .instances import CryptoSuite, Instances
from .loader import shared

_CRYPTO = frozenset({"cipher", "primitive"})


def installed_crypto() -> Crypto:
    """The ciphers and primitives (`RSA`, `INTERCOM`, ...) that are installed. Plugins are loaded when it is called.

    Raises PluginError where the plugin settings can't be used.
    """
    settings = plugin_settings()
    return CryptoSuite(Instances(shared(settings, kinds=_CRYPTO), settings))


def installed_handshakes() -> list[tuple[int, Handshake]]:
    """A new instance of each installed handshake, with its protocol number, in order of preference.

    Raises PluginError where one can't be created.
    """
    settings = plugin_settings()
    instances = Instances(shared(settings, kinds={"handshake"}), settings)
    return [(record.protocol, instances.make(record)) for record in instances.catalogue.handshakes_in(())]


def installed_handlers() -> list[tuple[tuple[HiveMessageType, ...], Handler]]:
    """A new instance of each installed handler, with the types that it serves, in the order in which they are called.

    Raises PluginError where one can't be created.
    """
    settings = plugin_settings()
    instances = Instances(shared(settings, kinds={"handler"}), settings)
    return [(record.types, instances.make(record)) for record in instances.catalogue.handlers]
