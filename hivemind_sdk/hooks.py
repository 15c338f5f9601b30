"""The hook specs: how a plugin says what it provides. Called once, when plugins are loaded; never for a message.

A plugin is a module (or an object) named by an entry point in the group `hivemind_sdk`. It states the version of this
contract that it was written for, and implements any of the hooks below:

    HIVEMIND_API = 1

    @hookimpl
    def hivemind_transports():
        return [TransportPlugin(
            name="carrier-pigeon", schemes=("pigeon",),
            create=PigeonConnector
        )]

The entry point's name is the plugin's name. `transport.pigeon` instead of `pigeon` says that this plugin has nothing
but transports, and it is then imported only when transports are needed. `identity.NAME` has the identity NAME alone,
and is imported only when that one is asked for; commands are found *only* as `command.NAME`.

`create` is called once for each client, with an instance of `options` (a dataclass of the plugin's own, its values
taken from arguments, the environment, the config file, in this order) or with nothing where the record has no options.
If what it returns has a `close()`, that is called when the client is closed, in reverse order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import pluggy

from ._startup import dataclass, field
from .errors import PluginError

if TYPE_CHECKING:  # a plugin without any of them loads none of them; see records.record_fault
    from .contracts import (
        Application,
        AsyncTransportConnector,
        Cipher,
        Handler,
        Handshake,
        IdentityBackend,
        Observer,
        Resolver,
        TransportConnector,
    )
    from .messages import HiveMessageType

API_VERSION = 1
"""the version of hooks and contracts; a plugin states the one that it was written for as HIVEMIND_API"""

API_VERSIONS = frozenset({API_VERSION})
"""the versions that this SDK loads: its own, and older ones that it still knows how to read"""

_PORTS = range(1, 65536)

PROJECT = "hivemind_sdk"
"""the entry-point group, and pluggy's project name"""

hookspec = pluggy.HookspecMarker(PROJECT)
"""marks our specs; plugins don't need it"""

hookimpl = pluggy.HookimplMarker(PROJECT)
"""marks the hooks of a plugin; `@hookimpl(optionalhook=True)` one that an older SDK may not know"""


@dataclass(frozen=True, kw_only=True)
class PluginRecord:
    """What all records have.

    `kind`: what sort of record it is, as users write it (`transport`, ...). `name`: what users call it. `rank`: higher
    is tried first among equals. `options`: a dataclass, or None. `help`: one line for people.
    """

    kind: ClassVar[str] = ""
    name: str
    rank: int = 0
    options: type[Any] | None = None
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class TransportPlugin(PluginRecord):
    """Serves the URL schemes that it names. Two plugins that name one scheme are in conflict unless one is built in."""

    kind = "transport"
    schemes: tuple[str, ...]
    ports: Mapping[str, int] = field(default_factory=dict)
    """scheme -> the TCP port of an address that gives none; of a scheme that is not in it: 5678"""
    network: bool = True
    """it connects to TCP ports; False for Unix sockets, serial lines and such, which the conformance kit then knows"""
    create: Callable[..., TransportConnector]
    create_async: Callable[..., AsyncTransportConnector] | None = None
    """a connector for asyncio; None: the SDK runs the plain one on threads"""

    def __post_init__(self) -> None:
        if not isinstance(self.ports, Mapping):
            return  # the loader says what should be there
        wrong = [scheme for scheme, port in self.ports.items() if scheme not in self.schemes or port not in _PORTS]
        if wrong:
            raise PluginError(
                f"the transport {self.name!r} can't have the default port {self.ports[wrong[0]]!r} for {wrong[0]!r}",
                hint="`ports` takes schemes that are in `schemes`, and numbers from 1 to 65535",
            )


@dataclass(frozen=True, kw_only=True)
class CipherPlugin(PluginRecord):
    """One provider of the cipher with the wire name `cipher`. Several may: `prefer`, then rank, decides."""

    kind = "cipher"
    cipher: str
    key_sizes: tuple[int, ...]
    nonce_size: int
    """bytes of nonce in the v1/v2 envelope"""
    create: Callable[..., Cipher]


@dataclass(frozen=True, kw_only=True)
class PrimitivePlugin(PluginRecord):
    """One provider of another primitive, such as `RSA` (see contracts.RSA) or `JSON` (contracts.JSONText). Chosen like
    ciphers.
    """

    kind = "primitive"
    primitive: str
    create: Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class HandshakePlugin(PluginRecord):
    """`protocol`: the version it speaks (0 pre-shared, 1 RSA, 2 password, 3 Noise). Highest first, then rank, then
    name.
    """

    kind = "handshake"
    protocol: int
    create: Callable[..., Handshake]


@dataclass(frozen=True, kw_only=True)
class HandlerPlugin(PluginRecord):
    """Behaviour for these message types. A chain by rank, then name. One with the name of a built-in replaces it if
    preferred.
    """

    kind = "handler"
    types: tuple[HiveMessageType, ...]
    create: Callable[..., Handler]


@dataclass(frozen=True, kw_only=True)
class IdentityPlugin(PluginRecord):
    """A place for identities. `create` also gets `app=NAME or None`: one identity for each application.

    A plugin `identity.NAME` provides the one called NAME and no other.
    """

    kind = "identity"
    create: Callable[..., IdentityBackend]


@dataclass(frozen=True, kw_only=True)
class ObserverPlugin(PluginRecord):
    """Told what happens on every link."""

    kind = "observer"
    create: Callable[..., Observer]


@dataclass(frozen=True, kw_only=True)
class ResolverPlugin(PluginRecord):
    """Finds hubs. Its name is the scheme of the addresses that it resolves: `auto` serves `auto` and `auto://KITCHEN`."""

    kind = "resolver"
    create: Callable[..., Resolver]


@dataclass(frozen=True, kw_only=True)
class CommandPlugin(PluginRecord):
    """A sub-command of `hivemind-client`. `create()` returns a click.Command; its entry point is `command.NAME`."""

    kind = "command"
    create: Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class ApplicationPlugin(PluginRecord):
    """What a satellite does, for `hivemind-client run FILE`. The table of its name in that file holds its options.

    Its entry point is `application.NAME`; it is imported only for a file that has its table.
    """

    kind = "application"
    create: Callable[..., Application]


class Hooks:
    """The specs. Each takes nothing and returns records; None or an empty list for none."""

    @hookspec
    def hivemind_transports(self) -> Iterable[TransportPlugin]:  # type: ignore[empty-body]
        """Ways to carry frames to a hub.

            @hookimpl
            def hivemind_transports():
                return [TransportPlugin(
                    name="pigeon", schemes=("pigeon",),
                    create=PigeonConnector
                )]

        See contracts.TransportConnector. A scheme that a built-in serves stays the built-in's unless the user
        prefers yours.
        """

    @hookspec
    def hivemind_ciphers(self) -> Iterable[CipherPlugin]:  # type: ignore[empty-body]
        """Providers of AEAD ciphers.

            @hookimpl
            def hivemind_ciphers():
                return [CipherPlugin(name="fast", cipher="AES-GCM", key_sizes=(16, 24, 32),
                                     nonce_size=16, rank=10,
                                     create=FastAesGcm)]

        See contracts.Cipher. All providers of a cipher must give the same bytes.
        """

    @hookspec
    def hivemind_primitives(self) -> Iterable[PrimitivePlugin]:  # type: ignore[empty-body]
        """Providers of other primitives: `RSA`, `X25519`, `ARGON2ID`, `PBKDF2`; `JSON` and `DEFLATE` of messages.

            @hookimpl
            def hivemind_primitives():
                return [PrimitivePlugin(
                    name="fast-rsa", primitive="RSA", rank=10,
                    create=FastRSA
                )]

        See contracts.RSA, contracts.JSONText and contracts.Deflate. All providers of a primitive must give the same
        results.
        """

    @hookspec
    def hivemind_handshakes(self) -> Iterable[HandshakePlugin]:  # type: ignore[empty-body]
        """Ways to agree on a session.

            @hookimpl
            def hivemind_handshakes():
                return [HandshakePlugin(
                    name="password", protocol=2, create=PasswordHandshake
                )]

        See contracts.Handshake. Tried in the user's order, else highest protocol first; the first that is not
        Declined runs.
        """

    @hookspec
    def hivemind_handlers(self) -> Iterable[HandlerPlugin]:  # type: ignore[empty-body]
        """Behaviour for message types.

            @hookimpl
            def hivemind_handlers():
                return [HandlerPlugin(
                    name="log-pings", types=(HiveMessageType.PING,), rank=10,
                    create=LogPings
                )]

        See contracts.Handler. Handlers for one type form a chain; each sees the message until one returns Consume.
        """

    @hookspec
    def hivemind_identities(self) -> Iterable[IdentityPlugin]:  # type: ignore[empty-body]
        """Places where identities live.

            @hookimpl
            def hivemind_identities():
                return [IdentityPlugin(name="vault", create=VaultBackend)]

        See contracts.IdentityBackend. Used when the user names it; `file` is the default.
        """

    @hookspec
    def hivemind_observers(self) -> Iterable[ObserverPlugin]:  # type: ignore[empty-body]
        """Metrics, tracing, audit.

            @hookimpl
            def hivemind_observers():
                return [ObserverPlugin(name="counter", create=Counter)]

        See contracts.Observer and hivemind_sdk.contracts.observations. All of them are told everything.
        """

    @hookspec
    def hivemind_resolvers(self) -> Iterable[ResolverPlugin]:  # type: ignore[empty-body]
        """Ways to find a hub by something that is no address.

            @hookimpl
            def hivemind_resolvers():
                return [ResolverPlugin(name="directory", create=Directory)]

        See contracts.Resolver. Asked before each attempt to dial `directory://NAME`.
        """

    @hookspec
    def hivemind_applications(self) -> Iterable[ApplicationPlugin]:  # type: ignore[empty-body]
        """What a satellite does that is assembled from a file.

            @hookimpl
            def hivemind_applications():
                return [ApplicationPlugin(
                    name="doorbell", create=Doorbell,
                )]

        See contracts.Application. The table `[doorbell]` of the file holds the options.
        """

    @hookspec
    def hivemind_commands(self) -> Iterable[CommandPlugin]:  # type: ignore[empty-body]
        """Sub-commands of `hivemind-client`.

            @hookimpl
            def hivemind_commands():
                return [CommandPlugin(
                    name="wave", create=make_wave_command,
                    help="wave at the hive"
                )]

        Registered under the entry point `command.wave`, so that `--help` can list it without importing anything.
        """
