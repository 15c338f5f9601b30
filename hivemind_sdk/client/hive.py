"""The client's verbs for the whole hive: ask up, ask everybody, see who is there, write to one node alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import IdentityError
from .ovos import to_message

if TYPE_CHECKING:
    from ovos_bus_client.message import Message

    from ..contracts.cascade import Select
    from ..satellite.hive_requests import Cascade, Pings
    from ..satellite.satellite import Satellite
    from ..topology import HiveMapper


class Hive:
    """See the methods of the same names in Satellite; here messages are OVOS messages."""

    satellite: Satellite

    @property
    def hive_mapper(self) -> HiveMapper:
        """Who has announced itself in floods."""
        return self.satellite.hive_map

    @property
    def cascade_timeout(self) -> float | None:
        """Seconds from a cascade's first answer until one is selected for the local bus; None: the handler's option."""
        return self.satellite.cascade_timeout

    @cascade_timeout.setter
    def cascade_timeout(self, seconds: float | None) -> None:
        self.satellite.cascade_timeout = seconds

    @property
    def cascade_select_callback(self) -> Select | None:
        """Which answer to a cascade the local bus hears; None: any.

        Called with one CASCADE message (a HiveMessage) for each responder, the first of its answer, once the time is
        over or everyone on the hive map has answered. Returns one of them, whose whole answer is delivered, or None.
        """
        return self.satellite.cascade_select

    @cascade_select_callback.setter
    def cascade_select_callback(self, select: Select | None) -> None:
        self.satellite.cascade_select = select

    def query(self, message: Any, *, timeout: float = 15.0) -> Message:
        """Ask up the chain: the first message of the first node's answer that can give one.

        The local bus hears all of it. Raises RequestTimeout after `timeout` seconds or where nobody can answer,
        RequestAborted when the link is lost, PolicyDenied.
        """
        return to_message(self.satellite.query(message, timeout=timeout))

    def cascade(self, message: Any, *, timeout: float = 5.0, expected: int | None = None) -> Cascade:
        """Ask everybody: the answers (cascade.Answer) as they arrive, for `timeout` seconds; grouped in `by_responder`.

        Ends early when `expected` nodes have answered to the end (None: those of the hive map, if it knows any). The
        local bus hears one of the answers, see `cascade_select_callback`. Raises RequestAborted when the link is lost.
        """
        return self.satellite.cascade(message, timeout=timeout, expected=expected, as_message=to_message)

    def ping(self, *, timeout: float = 5.0) -> Pings:
        """Flood the hive: PINGs (HiveMessage) as they come in, for `timeout` seconds; all go on `hive_mapper`."""
        return self.satellite.ping(timeout=timeout)

    def intercom(self, message: Any, recipient: str) -> None:
        """Send a bus message that only the node `recipient` can read: an alias of a trusted key, or a public key (PEM).

        Raises IdentityError for an alias that nobody has and where this node has no keys of its own, and as `emit`.
        """
        self.satellite.intercom(message, recipient if "BEGIN PUBLIC KEY" in recipient else self._key_of(recipient))

    def emit_intercom(self, message: Any, pubkey: str | bytes) -> None:
        """The reference client's name for `intercom` with a public key (PEM)."""
        self.intercom(message, pubkey.decode() if isinstance(pubkey, bytes) else pubkey)

    def _key_of(self, alias: str) -> str:
        trusted = self.satellite.trusted_keys
        if alias not in trusted:
            raise IdentityError(
                f"no trusted key has the alias {alias!r}", hint="`hivemind-client trust add ALIAS KEY` adds one"
            )
        return trusted[alias]
