"""A real conversation: a satellite and the embedded hub, with the part in it that is being checked."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...contracts import Observer
from ...contracts.observations import CallbackFailed
from ...identity.state import PRIVATE_PEM
from ...messages import BusMessage
from ...settings import Credentials, Endpoint, Settings
from .expect import must
from .primitives import sample_keys

if TYPE_CHECKING:
    from ...plugins.catalogue import Catalogue
    from ...satellite.satellite import Satellite
    from ..hub import Hub
    from ..state import MemoryState


@dataclass
class Failures:
    """An observer that keeps what failed."""

    seen: list[CallbackFailed] = field(default_factory=list)

    def observe(self, event: Any) -> None:
        if isinstance(event, CallbackFailed):
            self.seen.append(event)


class Conversation:
    """One hub, and what satellites say to it."""

    def __init__(self, hub: Hub, credentials: Credentials, catalogue: Catalogue, patience: float) -> None:
        self.hub = hub
        self._patience = patience
        self._catalogue = catalogue
        self._credentials = credentials

    @contextmanager
    def satellite(
        self,
        endpoint: Endpoint | None = None,
        *,
        observers: Sequence[Observer] = (),
        settings: Any = None,
        **parts: Any,
    ) -> Iterator[Satellite]:
        """One that is READY. `parts`: of the Satellite; without a transport it is in the hub's memory."""
        with self.unlinked(endpoint, observers=observers, settings=settings, **parts) as satellite:
            satellite.connect(2 * self._patience)
            yield satellite

    @contextmanager
    def unlinked(
        self,
        endpoint: Endpoint | None = None,
        *,
        observers: Sequence[Observer] = (),
        settings: Any = None,
        **parts: Any,
    ) -> Iterator[Satellite]:
        """The same, and not connected."""
        from ...satellite.satellite import Satellite

        failures = Failures()
        parts = {"identity": _acquainted(), "catalogue": self._catalogue, **parts}
        if endpoint is None:
            endpoint, parts["transport"] = Endpoint("memory", "hub"), self.hub.connector()
        chosen = Settings(endpoint, self._credentials, reconnect=False, **(settings or {}))
        satellite = Satellite(chosen, observers=[*observers, failures], **parts)
        try:
            yield satellite
        finally:
            satellite.close()
        must(not failures.seen, f"it failed in a conversation: {[one.name for one in failures.seen]}")

    def over(self, endpoint: Endpoint | None = None, **parts: Any) -> None:
        """Connect, say something, hear the echo, and close."""
        with self.satellite(endpoint, **parts) as satellite:
            talk(satellite, patience=self._patience)


def _acquainted() -> MemoryState:
    """A state with RSA keys."""
    from ..state import MemoryState

    keys = sample_keys()["bob"]
    state = MemoryState(public_key=keys["public_pem"])
    state.write_secret(PRIVATE_PEM, keys["private_pem"])
    return state


def talk(satellite: Satellite, text: str = "is anybody there", *, patience: float = 10.0) -> None:
    """Say something, and hear its echo."""
    heard: queue.Queue[BusMessage] = queue.Queue()
    satellite.on_bus("speak", heard.put)
    satellite.emit(BusMessage("recognizer_loop:utterance", {"utterances": [text], "lang": "en-us"}))
    answer = None
    while answer != f"echo: {text}":  # others may have said something before
        try:
            answer = heard.get(timeout=patience).data.get("utterance")
        except queue.Empty:
            raise AssertionError("the embedded hub's answer does not come") from None


@contextmanager
def conversation(
    credentials: Credentials, profile: Any = "4.6.1a1", *, patience: float = 10.0, **options: Any
) -> Iterator[Conversation]:
    """A hub that knows these credentials, until the end of the context. `patience`: seconds for each step."""
    from ...plugins.loader import load
    from ..hub import Hub, HubClient

    catalogue = options.pop("catalogue", None) or load()
    client = HubClient(credentials.access_key, credentials.password, credentials.preshared_key)
    with Hub([client], profile, catalogue=catalogue, **options) as hub:
        yield Conversation(hub, credentials, catalogue, patience)
