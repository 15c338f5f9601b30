"""The installed ciphers, primitives, handshakes and handlers, for programs that need them without a satellite."""

from __future__ import annotations

from ..contracts import RSA, Crypto, Handler, Handshake
from ..messages import HiveMessageType
from ..settings.plugins import plugin_settings
from .crypto_suite import CryptoSuite
from .instances import Instances
from .loader import shared

_CRYPTO = frozenset({"cipher", "primitive"})


def installed_crypto() -> Crypto:
    """The ciphers and primitives (`RSA`, `INTERCOM`, ...) that are installed. Plugins are loaded when it is called.

    Raises PluginError where the plugin settings can't be used.
    """
    settings = plugin_settings()
    return CryptoSuite(Instances(shared(settings, kinds=_CRYPTO), settings))


def installed_rsa() -> RSA:
    """The best provider of RSA; nothing but primitives is loaded for it. Raises PluginError where there is none."""
    settings = plugin_settings()
    instances = Instances(shared(settings, kinds={"primitive"}), settings)
    rsa: RSA = instances.make(instances.catalogue.primitive("RSA"))
    return rsa


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
