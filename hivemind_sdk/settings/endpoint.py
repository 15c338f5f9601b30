"""Where a hub listens, as people write it, and the one name under which it is known whatever they wrote."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from contextlib import suppress

from .._startup import dataclass, field
from ..errors import SettingsError
from . import user_input

DEFAULT_PORT = 5678
_CONTROLS = frozenset(map(chr, (*range(32), 127)))
_NOT_IN_NAMES = _CONTROLS.union(" :/?#@[]\\<>\"'^`{|},;")
"""what separates the parts of an address, or needs quoting somewhere"""
AUTO = "auto"
"""as a host: whatever hub the resolver of this name finds"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a hub listens. `scheme` selects the transport; `path` is kept for hubs behind a reverse proxy.

    Without a `port` (0) it is DEFAULT_PORT; a satellite takes the one that the transport of the scheme says instead.
    Raises SettingsError for a port out of range, a host that no host can have as its name, and a path with a query.
    """

    scheme: str
    host: str
    port: int = 0
    path: str = ""
    port_given: bool = field(default=True, init=False, repr=False, compare=False)
    """False where the port is DEFAULT_PORT because none was given"""

    def __post_init__(self) -> None:
        user_input.check_types(self)
        check_host(self.host)
        if not _CONTROLS.union("?#").isdisjoint(self.path):
            raise SettingsError(
                "the path of the address has a control character, a query or a fragment",
                hint="write the path alone, and give the access key separately",
            )
        port = user_input.port(self.port, "port=")
        put = object.__setattr__
        put(self, "scheme", self.scheme.lower())  # transports compare it: `WSS` must not be dialled in clear
        put(self, "port_given", bool(port))
        put(self, "port", port or DEFAULT_PORT)

    @classmethod
    def parse(cls, url: str, port: int | None = None) -> Endpoint:
        """Read `ws://host:1234/path`, `host`, `[::1]`, `::1`, `auto`. `port` wins over the default, not one in the URL.

        `scheme:///path` has no host, which is for transports that need none, such as Unix sockets and serial lines.
        Byte order marks, blanks and line ends around it are taken off. Raises SettingsError for anything that is not
        an address.
        """
        text = user_input.word("host", url)
        scheme, sep, rest = text.partition("://")
        if not sep:
            scheme, rest = (AUTO, "") if text.lower() == AUTO else ("ws", text)
            if wrong := re.match(r"([A-Za-z][A-Za-z0-9+-]*)(?:[;:]/|[;.,]?//)", text):
                raise SettingsError(
                    f"host {_redacted(url)!r} is not an address: what follows {wrong[1]!r} is not '://'",
                    hint=f"write it as {wrong[1].lower()}://NAME",
                )
        authority, slash, path = rest.partition("/")
        if any(mark in rest for mark in "?#") or "@" in authority:
            raise SettingsError(
                f"host {_redacted(url)!r} holds a query, a fragment or a user name",
                hint="give the access key separately, and the host as ws://NAME or wss://NAME[/PATH]",
            )
        hostless = not authority and (scheme.lower() == AUTO or (sep and path.strip("/")))
        host, found = ("", None) if hostless else _split_authority(authority, url)
        return cls(scheme.lower(), host, found or port or 0, (slash + path).rstrip("/"))

    @property
    def host_text(self) -> str:
        """The host, with brackets around an IPv6 address."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def authority(self) -> str:
        """`host:port`, with brackets around an IPv6 address."""
        return f"{self.host_text}:{self.port}" if self.host else self.scheme

    @property
    def pin_name(self) -> str:
        """What the hub is pinned under: its authority, as the reference client has it, and the path where there is one.

        Behind one reverse proxy, on one broker or as Unix sockets of one machine, hubs differ in nothing but the path.
        A host that is written in another way (`HUB`, `0:0::1`) is the same one: see `spellings`.
        """
        return _canonical(f"{self.authority}{self.path}")

    def __str__(self) -> str:
        if not self.host:
            return f"{self.scheme}://{self.path}" if self.path else self.scheme
        return f"{self.scheme}://{self.authority}{self.path}"


def spellings(name: str, known: Collection[str]) -> list[str]:
    """Those of the `known` pin names that mean the same hub as this one, itself first."""
    if ":" not in name:  # no host and port
        return [name] if name in known else []
    wanted = _canonical(name)
    return sorted((one for one in known if _canonical(one) == wanted), key=lambda one: (one != name, one != wanted))


def _canonical(name: str) -> str:
    """With the host in small letters and ASCII, or as the shortest form of its IPv6 address. A path stays as it is."""
    authority, slash, path = name.partition("/")
    host, colon, port = authority.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        address, percent, zone = host[1:-1].partition("%")
        with suppress(ValueError):
            host = f"[{ipaddress.IPv6Address(address).compressed}{percent}{zone}]"
    elif host.isascii():
        host = host.lower()
    else:
        with suppress(UnicodeError):
            host = host.encode("idna").decode().lower()
    return f"{host}{colon}{port}{slash}{path}"


def check_host(host: str) -> None:
    """Raises SettingsError for what can be the name of no host. Whether there is one, only a look-up can tell."""
    if ":" in host:
        named = _is_ipv6(host)
    else:
        try:  # the ASCII form may have marks that the text has not: there are wide forms of ':' and '/'
            name = host if host.isascii() else host.encode("idna").decode()
        except UnicodeError:
            name = "."
        labels = name.removesuffix(".").split(".")
        fits = "%" in name or all(0 < len(one) < 64 for one in labels)  # `%`: a name that a resolver knows, no host
        named = not host or (fits and _NOT_IN_NAMES.isdisjoint(name))
    if not named:
        raise SettingsError(
            f"host {host[:120]!r} is not the name or the address of a host", hint="check the host for typing errors"
        )


def _split_authority(authority: str, url: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"\[([^\[\]]*:[^\[\]]*)\](?::([0-9]{1,5}))?", authority)
    if match is None and authority.count(":") > 1:
        match = re.fullmatch(r"([0-9A-Fa-f:.%\w]+)()", authority)
        if match is not None:
            match = match if _is_ipv6(authority) else None
    elif match is None:
        match = re.fullmatch(r"([^\s:\[\]\\\"'`<>{}|^,;]+)(?::([0-9]{1,5}))?", authority)
    if match is None or not 0 <= int(match[2] or 1) <= 65535:
        raise SettingsError(
            f"host {_redacted(url)!r} is not an address", hint="write it as ws://NAME, wss://NAME, NAME or [IPv6]"
        )
    return match[1], int(match[2]) if match[2] else None


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _redacted(url: str) -> str:
    return re.sub(r"[?#].*|//[^/]*@", "…", url)[:120]
