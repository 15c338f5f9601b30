"""Which hub, and as whom: what the caller gives, and for the rest what the identity remembers. Changes neither."""

from __future__ import annotations

from typing import Protocol

from .._startup import replace
from ..errors import SettingsError
from ..settings import Credentials, Endpoint, user_input


class Remembered(Protocol):
    """The part of NodeIdentity that counts here."""

    @property
    def access_key(self) -> str | None: ...

    @property
    def password(self) -> str | None: ...

    @property
    def provisioned_key(self) -> str | None: ...

    @property
    def default_master(self) -> str | None: ...

    @property
    def default_port(self) -> int | None: ...


def resolve(
    identity: Remembered,
    *,
    key: str | None = None,
    password: str | None = None,
    host: str | None = None,
    port: int | str | None = None,
    preshared_key: str | None = None,
    provisioned_key: str | None = None,
) -> tuple[Endpoint, Credentials]:
    """Where the hub is, and what proves who we are. Empty counts as not given.

    A host without a scheme is `ws://`. A given port wins over the one in the remembered address; the one in a given
    address wins over both. The password may be absent: RSA, pre-shared and provisioned keys need none. Raises
    SettingsError where
    host or access key are missing, and for what is no address or no port.
    """
    access_key = user_input.word("access key", key or identity.access_key or "")
    if not access_key:
        raise SettingsError(
            "no access key was given and the identity has none",
            hint="pass key=... (--key), or run `hivemind-client set-identity --key KEY --password PASSWORD --host ws://NAME`",
        )
    proofs = Credentials(
        access_key,
        password or identity.password or None,
        preshared_key or None,
        provisioned_key or (None if password else identity.provisioned_key) or None,
    )
    return endpoint(identity, host, port), proofs


def endpoint(identity: Remembered, host: str | None = None, port: int | str | None = None) -> Endpoint:
    """Where the hub is, as in `resolve`. Raises SettingsError."""
    chosen = host or identity.default_master
    if not chosen:
        raise SettingsError(
            "no hub was given and the identity has none",
            hint="pass host=... (--host), or run `hivemind-client set-identity --host ws://NAME`",
        )
    port = user_input.port(port)
    found = Endpoint.parse(chosen, port)
    if port and not host:
        return replace(found, port=port)
    remembered = user_input.port(identity.default_port)
    known = not host or found.scheme in _REFERENCE_SCHEMES
    return replace(found, port=remembered) if remembered and known and not found.port_given else found


_REFERENCE_SCHEMES = ("ws", "wss")
"""what the reference client dials: there the remembered port counts for a given host, too"""
