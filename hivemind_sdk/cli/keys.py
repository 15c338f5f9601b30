"""Public keys as people name them: an alias, a PEM file, a PEM text; and how they are shown."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import IdentityError
from ..identity.public_keys import pem_fingerprint
from ..settings.user_input import text_of, user_path

if TYPE_CHECKING:
    pass

_LARGEST = 100_000
_BEGIN = "-----BEGIN"


def read_public_key(source: str) -> str:
    """A public key from a PEM text, a file or stdin (`-`). Raises click.UsageError, IdentityError; shows no text."""
    from ..plugins.installed import installed_rsa

    text = source if source.lstrip("\ufeff \t\r\n").startswith(_BEGIN) else _content(source)
    if "PRIVATE KEY-----" in text:
        raise IdentityError("this is a private key, which nobody else may have", hint="give the public one")
    pem = text.strip("\ufeff \t\r\n")
    try:
        pem_fingerprint(pem)
        installed_rsa().size(pem)
    except (ValueError, IdentityError):
        raise IdentityError(
            "this is not a PEM of an RSA public key", hint="`hivemind-client reset-keys` prints one, as PUBKEY"
        ) from None
    return pem


def named_key(name: str, trusted: Mapping[str, str]) -> str:
    """The key of an alias, or else what `read_public_key` makes of the name. Raises as it does."""
    known = trusted.get(name)
    if known is not None:
        return known
    if not name.lstrip().startswith(_BEGIN) and not Path(name).exists():
        aliases = ", ".join(sorted(trusted)) or "none"
        raise click.BadParameter(f"{name[:80]!r} is neither an alias nor a file; aliases: {aliases}", param_hint="--to")
    return read_public_key(name)


def shown(pem: str) -> str:
    """The fingerprint; or, of what is no key, that it is none."""
    try:
        return pem_fingerprint(pem)
    except ValueError:
        return "(not a PEM)"


def responder(name: str) -> str:
    """A node that answered, as it calls itself; the fingerprint if that is a public key.

    Never an alias of a trusted key: nothing proves that the answer is from its owner.
    """
    if not name.lstrip().startswith(_BEGIN):
        return name or "(somebody)"
    return shown(name)


def _content(source: str) -> str:
    try:
        if source == "-":
            return sys.stdin.read(_LARGEST).lstrip("\ufeff")
        with user_path(source).open("rb") as file:
            return text_of(file.read(_LARGEST))
    except FileNotFoundError:
        raise click.UsageError(f"there is no file {source[:200]!r}") from None
    except OSError as error:
        raise click.UsageError(f"{source[:200]!r} can't be read: {error.strerror or type(error).__name__}") from None
    except ValueError:
        raise click.UsageError(f"{source[:200]!r} is no text file") from None
