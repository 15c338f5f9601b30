"""HiveMind over HTTP requests: `http` and `https` (wire.md section 2.3). Only the record and the options are here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hivemind_sdk.contracts import Dial, Transport
from hivemind_sdk.errors import OptionError
from hivemind_sdk.hooks import TransportPlugin, hookimpl

HIVEMIND_API = 1
LONGEST_PAUSE = 60.0
"""seconds: a hub forgets a satellite that has not asked for 300"""


@dataclass(frozen=True)
class HttpOptions:
    """All in seconds. `busy`: between two requests for frames while traffic flows; `idle`: at most, when none does.

    `request_timeout`: for the answer to one request; a hub that derives a key answers late.
    """

    busy: float = 0.05
    idle: float = 1.0
    request_timeout: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.busy <= self.idle <= LONGEST_PAUSE or self.request_timeout <= 0:
            raise OptionError(
                f"the pauses between requests can't be busy={self.busy!r}, idle={self.idle!r}, "
                f"request_timeout={self.request_timeout!r}",
                hint=f"0 < busy <= idle <= {LONGEST_PAUSE:g}, and request_timeout above 0",
            )


class HttpConnector:
    """Dials `http://` and `https://` hubs. Keeps nothing between links."""

    def __init__(self, options: HttpOptions) -> None:
        self._options = options

    def connect(self, dial: Dial) -> Transport:
        """Ends what the hub still has under this access key, and begins anew, all within `dial.timeout` seconds.

        Raises Unreachable, LinkTimeout, AuthenticationRefused (HTTP 401 and 403), or SettingsError for a proxy, pin, CA
        file or header that can't be used.
        """
        from .transport import open_link

        return open_link(dial, self._options)

    def answers(self, dial: Dial) -> bool | None:
        """See LookingConnector."""
        from hivemind_sdk.sockets import port_answers

        return port_answers(dial)


@hookimpl
def hivemind_transports() -> Iterable[TransportPlugin]:
    return [
        TransportPlugin(
            name="http",
            schemes=("http", "https"),
            ports={"http": 5679, "https": 5679},
            create=HttpConnector,
            options=HttpOptions,
            help="HTTP requests, plain or over TLS, to hivemind-http-protocol",
        )
    ]
