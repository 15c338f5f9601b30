"""Which parts a satellite gets: named in the settings and taken from the catalogue, or given as objects."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from .._startup import dataclass, replace
from ..contracts import AsyncTransportConnector, Cipher, Crypto, Handler, NodeState, Observer, TransportConnector
from ..delivery import Rules
from ..engine.codec import STRICT, Codec, ProvidedCodec
from ..engine.connection import NamedHandshake
from ..engine.dispatch import NamedHandler
from ..errors import SettingsError
from ..identity.state import Identity
from ..messages.encodings import ENCODINGS
from ..plugins.catalogue import Catalogue
from ..plugins.crypto_suite import CryptoSuite
from ..plugins.instances import Instances, is_stateless
from ..settings import AUTO, Endpoint, Settings, spellings
from ..settings.plugins import plugin_settings
from .resolving import ResolvingConnector

if TYPE_CHECKING:
    from ..hooks import HandlerPlugin, TransportPlugin
    from ..threads.store import MessageStore


@dataclass(frozen=True)
class Overrides:
    """Parts that the user gives. None or empty: from the catalogue. `handlers` and `observers` come before its own."""

    transport: AsyncTransportConnector | TransportConnector | None = None
    handshakes: Sequence[NamedHandshake] = ()
    handlers: Sequence[NamedHandler] = ()
    ciphers: Mapping[str, Cipher] | None = None
    identity: NodeState | None = None
    observers: Sequence[Observer] = ()


@dataclass(frozen=True, slots=True)
class Components:
    """The parts of one satellite. `close` closes what was made here, the last one first."""

    connectors: Sequence[TransportConnector]
    """one for each hub of the settings, in their order"""
    handshakes: Sequence[NamedHandshake]
    handlers: Sequence[NamedHandler]
    crypto: Crypto
    codec: Codec
    state: NodeState
    observers: Sequence[Observer]
    instances: Instances
    store: MessageStore | None
    """of durable messages"""

    def close(self) -> None:
        if self.store is not None:
            self.store.close()
        self.instances.close()


def with_ports(settings: Settings, catalogue: Catalogue) -> Settings:
    """These settings; hubs whose port was not given have the one that their transport says."""
    known = [one.endpoint for one in settings.upstreams]
    endpoint, *others = [catalogue.with_port(one, settings.transport) for one in known]
    if [endpoint, *others] == known:
        return settings
    fallbacks = tuple(replace(one, endpoint=at) for one, at in zip(settings.fallbacks, others, strict=True))
    return replace(settings, endpoint=endpoint, fallbacks=fallbacks)


def assemble(settings: Settings, catalogue: Catalogue, given: Overrides) -> Components:
    """Raises PluginMissing, PluginConflict, InvalidCipher, OptionError, SettingsError, StoreFailed."""
    instances = Instances(catalogue, settings.plugins or plugin_settings(), lock=threading.RLock())
    try:
        return _parts(settings, catalogue, given, instances)
    except BaseException:
        instances.close()
        raise


def _parts(settings: Settings, catalogue: Catalogue, given: Overrides, instances: Instances) -> Components:
    make = instances.make
    _check_names(settings, catalogue, given)
    _check_trust(settings)
    names = (settings.identity,) if isinstance(settings.identity, str) else settings.identity
    handlers = [
        _handler(one, make(one), catalogue)
        for one in catalogue.handlers
        if settings.handlers is None or one.name in settings.handlers
    ]
    state = given.identity or Identity([make(catalogue.identity(name), app=settings.app) for name in names])

    def transport(scheme: str) -> TransportConnector:
        return cast("TransportConnector | None", given.transport) or make(_transport(settings, scheme, catalogue))

    def connector(endpoint: Endpoint) -> TransportConnector:
        scheme = endpoint.scheme
        if scheme != AUTO and scheme not in catalogue.resolvers:
            if not endpoint.host and not given.transport and _transport(settings, scheme, catalogue).network:
                raise SettingsError(f"the address {endpoint} names no host", hint="write it as SCHEME://NAME")
            return transport(scheme)
        return ResolvingConnector(make(catalogue.resolver(scheme)), transport, partial(_is_pinned, state))

    connectors = [connector(one.endpoint) for one in settings.upstreams]
    handshakes = list(given.handshakes) or [
        NamedHandshake(one.name, one.protocol, make(one)) for one in catalogue.handshakes_in(settings.handshakes)
    ]
    _check_protocols(settings, handshakes)
    crypto = CryptoSuite(instances, settings.ciphers, given.ciphers)
    return Components(
        connectors=connectors,
        handshakes=handshakes,
        handlers=(*given.handlers, *handlers),
        crypto=crypto,
        codec=_codec(catalogue, crypto),
        state=state,
        observers=[*given.observers, *(make(one) for one in catalogue.observers)],
        instances=instances,
        store=_store(settings),  # the last: there is nothing then that could fail and leave it open
    )


def _handler(record: HandlerPlugin, handler: Handler, catalogue: Catalogue) -> NamedHandler:
    """One for all satellites where the handler is."""
    if not is_stateless(handler):
        return NamedHandler(record.name, record.types, handler)
    key = ("handler", id(record))
    found: NamedHandler | None = catalogue._shared.get(key)
    if found is None:
        found = catalogue._shared[key] = NamedHandler(record.name, record.types, handler)
    return found


def rules_of(settings: Settings) -> Rules:
    """Satellites that have no rules of their own share those that are built in."""
    return Rules(settings.delivery) if settings.delivery else _BUILT_IN


_BUILT_IN = Rules({})


def _codec(catalogue: Catalogue, crypto: Crypto) -> Codec:
    """The strict one, unless there is a provider of something."""
    json, deflate = (crypto.primitive(name) if name in catalogue.primitives else None for name in ("JSON", "DEFLATE"))
    return ProvidedCodec(json, deflate) if json or deflate else STRICT


def _is_pinned(state: NodeState, endpoint: Endpoint) -> bool:
    return bool(spellings(endpoint.pin_name, state.read("pinned_noise_keys") or {}))


def async_connectors(
    settings: Settings, catalogue: Catalogue, components: Components, *, brought: bool
) -> Sequence[AsyncTransportConnector]:
    """For each hub of the settings: a connector for asyncio, if its transport has one, else a bridge to the plain one.

    `brought`: the user brings the connector. It may be of either kind, and for a scheme that no plugin serves.
    """
    from ..aio.bridge import BridgedConnector

    found: list[AsyncTransportConnector] = []
    for one, connector in zip(settings.upstreams, components.connectors, strict=True):
        given: Any = connector
        if inspect.iscoroutinefunction(given.connect):
            found.append(given)
            continue
        if brought or isinstance(connector, ResolvingConnector):
            found.append(BridgedConnector(connector))
            continue
        record = _transport(settings, one.endpoint.scheme, catalogue)
        if record.create_async is None:
            found.append(BridgedConnector(connector))
        else:
            found.append(components.instances.make(record, field="create_async"))
    return found


def _check_names(settings: Settings, catalogue: Catalogue, given: Overrides) -> None:
    known = {one.name for one in catalogue.handlers} | {one.name for one in given.handlers}
    unknown = [name for name in settings.handlers or () if name not in known]
    if strange := [name for name in settings.encodings if name not in ENCODINGS]:
        raise SettingsError(
            f"Settings.encodings names encodings that do not exist: {', '.join(map(repr, strange))}",
            hint=f"there are {', '.join(ENCODINGS)}",
        )
    if unknown:
        raise SettingsError(
            f"Settings.handlers names handlers that do not exist: {', '.join(map(repr, unknown))}",
            hint=f"installed are {', '.join(sorted(known)) or 'none'}; objects are given to Satellite(handlers=...)",
        )


def _check_trust(settings: Settings) -> None:
    """CA files are read once before anything is dialled: what is wrong with them is told to who names them."""
    for tls in {settings.tls, *(one.tls for one in settings.fallbacks if one.tls)}:
        if tls.ca:
            from ..sockets import tls_context

            tls_context(tls)


def _check_protocols(settings: Settings, handshakes: Sequence[NamedHandshake]) -> None:
    lowest, highest = settings.min_protocol, settings.max_protocol
    if not any(lowest <= one.protocol <= highest for one in handshakes):
        there = ", ".join(f"{one.name} ({one.protocol})" for one in handshakes)
        raise SettingsError(
            f"no handshake has a protocol from min_protocol {lowest} to max_protocol {highest}",
            hint=f"there is {there or 'none'}",
        )


def _transport(settings: Settings, scheme: str, catalogue: Catalogue) -> TransportPlugin:
    if settings.transport:
        named = catalogue.transport_named(settings.transport)
        if scheme not in named.schemes:  # it would take a scheme that it does not know, such as `https`, for plain
            raise SettingsError(
                f"the transport {named.name!r} does not dial {scheme}://", hint=f"it dials {', '.join(named.schemes)}"
            )
        return named
    return catalogue.transport(scheme)


def _store(settings: Settings) -> MessageStore | None:
    if settings.durable is None:
        return None
    from ..threads.store import MessageStore

    return MessageStore(settings.durable)
