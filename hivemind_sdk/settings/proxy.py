"""The HTTP proxy of the settings."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from .._startup import dataclass, field
from ..errors import SettingsError
from . import user_input
from .endpoint import check_host

_HINT = "write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT: an HTTP proxy that lets CONNECT through"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that lets CONNECT through."""

    host: str
    port: int
    login: str = field(default="", repr=False)
    """`user:password`"""

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """From `http://[user:password@]host:port`. Raises SettingsError, which never shows user and password."""
        text = user_input.word("proxy", url)
        if not re.match(r"(?i)http://|(?!.*://)", text):
            scheme = re.sub(r"[^a-z0-9+.-].*", "", text.partition("://")[0].lower())[:20]
            raise SettingsError(f"a proxy by {scheme or 'that scheme'}:// can't be used: http:// works", hint=_HINT)
        unusable = SettingsError("the proxy can't be used: it is not an http:// address with a port", hint=_HINT)
        try:
            parts = urlsplit(text if "://" in text else f"http://{text}")
            host, port = parts.hostname, parts.port
        except ValueError:
            raise unusable from None
        if not host or not port or parts.path.strip("/") or parts.query or parts.fragment:
            raise unusable
        check_host(host)
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        return cls(host, port, login)
