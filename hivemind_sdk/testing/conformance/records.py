"""From the record of a plugin to the contract that it has to keep, made of the record's own `create`."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from unittest.mock import patch

from ...plugins.catalogue import Catalogue
from ...plugins.instances import Instances
from ...plugins.records import Registration
from ...settings import PluginSettings
from .application import ApplicationContract
from .cipher import CipherContract
from .codecs import DeflateContract, JSONTextContract
from .command import CommandContract
from .contract import Contract
from .handler import HandlerContract
from .handshake import HandshakeContract
from .identity import IdentityContract
from .observer import ObserverContract
from .primitives import Argon2idContract, PBKDF2Contract, RSAContract, X25519Contract
from .resolver import ResolverContract
from .transport import AsyncTransportContract, TransportContract

_PRIMITIVES: Mapping[str, tuple[type[Contract], str]] = {
    "RSA": (RSAContract, "rsa"),
    "X25519": (X25519Contract, "x25519"),
    "ARGON2ID": (Argon2idContract, "argon2id"),
    "PBKDF2": (PBKDF2Contract, "pbkdf2"),
    "JSON": (JSONTextContract, "json"),
    "DEFLATE": (DeflateContract, "deflate"),
}


def contract_of(
    registration: Registration, catalogue: Catalogue, settings: PluginSettings | None = None
) -> type[Contract] | None:
    """The contract of this record. None where the kit has none for it.

    `catalogue`: where the plugin's other records are, to know whose option is whose. `settings` has the options that
    the user has set; identities are made without any, so that none is the user's own.
    """
    build = _BUILDERS.get(registration.record.kind)
    return build(registration.record, partial(_made, catalogue, settings, registration)) if build is not None else None


def async_contract_of(
    registration: Registration, catalogue: Catalogue, settings: PluginSettings | None = None
) -> type[Contract] | None:
    """The contract of what the record has for asyncio: a transport's `create_async`. None where it has nothing."""
    record: Any = registration.record
    if getattr(record, "create_async", None) is None:
        return None
    make = partial(_made, catalogue, settings, registration, field="create_async")
    return _of(AsyncTransportContract, record, "connector", make, scheme=record.schemes[0], network=record.network)


def _made(
    catalogue: Catalogue,
    settings: PluginSettings | None,
    registration: Registration,
    contract: Contract,
    **context: Any,
) -> Any:
    """A new instance; closed with the check."""
    own = registration.record.kind == "identity"
    instances = Instances(catalogue, None if own else settings, {} if own else None)
    contract.after(instances.close)
    return instances.make(registration.record, **context)


def _of(base: type[Contract], record: Any, maker: str, make: Callable[..., Any], **fields: Any) -> type[Contract]:
    def method(self: Contract) -> Any:
        return make(self)

    return type(f"{base.__name__}[{record.name}]", (base,), {maker: method, **fields})


def _transport(record: Any, make: Callable[..., Any]) -> type[Contract]:
    return _of(TransportContract, record, "connector", make, scheme=record.schemes[0], network=record.network)


def _cipher(record: Any, make: Callable[..., Any]) -> type[Contract]:
    return _of(CipherContract, record, "cipher", make, name=record.cipher, key_sizes=record.key_sizes)


def _primitive(record: Any, make: Callable[..., Any]) -> type[Contract] | None:
    base, maker = _PRIMITIVES.get(record.primitive, (None, ""))
    return _of(base, record, maker, make) if base is not None else None


def _handshake(record: Any, make: Callable[..., Any]) -> type[Contract]:
    return _of(HandshakeContract, record, "handshake", make, protocol=record.protocol)


def _handler(record: Any, make: Callable[..., Any]) -> type[Contract]:
    return _of(HandlerContract, record, "handler", make, types=record.types)


def _identity(record: Any, make: Callable[..., Any]) -> type[Contract]:
    return _of(_Elsewhere, record, "backend", lambda self: make(self, app=self.app))


def _observer(record: Any, make: Callable[..., Any]) -> type[Contract]:
    return _of(ObserverContract, record, "observer", make)


def _resolver(record: Any, make: Callable[..., Any]) -> type[Contract]:
    return _of(ResolverContract, record, "resolver", make)


def _application(record: Any, make: Callable[..., Any]) -> type[Contract]:
    return _of(ApplicationContract, record, "application", make)


def _command(record: Any, make: Callable[..., Any]) -> type[Contract]:
    return _of(CommandContract, record, "command", make, name=record.name)


class _Elsewhere(IdentityContract):
    """Never the user's own identity: the home is the check's folder, and the application one that nobody has."""

    def setup_method(self) -> None:
        super().setup_method()
        self.app = f"conformance-{uuid.uuid4().hex[:12]}"
        home = str(self.folder)
        places = {f"XDG_{kind}_HOME": home for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HIVEMIND_")}
        places |= dict.fromkeys(("HOME", "USERPROFILE", "APPDATA"), home)
        self.entered(patch.dict(os.environ, {**kept, **places}, clear=True))


_BUILDERS: Mapping[str, Callable[[Any, Callable[..., Any]], type[Contract] | None]] = {
    "transport": _transport,
    "cipher": _cipher,
    "primitive": _primitive,
    "handshake": _handshake,
    "handler": _handler,
    "identity": _identity,
    "observer": _observer,
    "resolver": _resolver,
    "application": _application,
    "command": _command,
}
