"""Several people on one satellite: each has a session with a language and a conversation state of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from ..engine.utterances import SPOKEN, session_id_of
from ..errors import SettingsError
from ..messages import BusMessage
from ..satellite.events import is_coroutine

if TYPE_CHECKING:
    from ovos_bus_client.message import Message

    from ..satellite.async_requests import Stream
    from ..satellite.local_node import LocalNode

Listener = Callable[["Message"], Any]


class _Client(Protocol):
    """What sessions need of the client of either face."""

    node: LocalNode

    @property
    def ask(self) -> Callable[..., Any]: ...
    @property
    def on_mycroft(self) -> Callable[[str, Callable[..., Any]], None]: ...
    @property
    def remove(self) -> Callable[[str, Callable[..., Any]], None]: ...


class _Person:
    """What the sessions of both faces know."""

    def __init__(self, client: _Client, session_id: str, lang: str | None) -> None:
        if session_id in ("", "default"):
            hint = "use a text of your own, such as the user's id: `default` is the session of the hub itself"
            raise SettingsError(f"session_id={session_id!r} can't be used", hint=hint)
        self._node = client.node
        self.session_id = session_id
        self._lang = lang
        self._state = client.node.session_state(session_id)

    @property
    def lang(self) -> str:
        """The language of what is asked here."""
        return self._lang or self._node.lang

    @property
    def context(self) -> dict[str, Any]:
        """The context of a message of this session, for what is sent otherwise than by `ask`.

        It holds the state of the conversation, such as active skills, that the hub last sent for this session.
        """
        own = {"session_id": self.session_id, "site_id": self._node.site_id, "lang": self.lang}
        return {"session": {**self._state.state(), **own}}

    def _is_ours(self, message: Message) -> bool:
        return session_id_of(BusMessage.of(message)) == self.session_id


class Session(_Person):
    """One of several people on a satellite. What is asked here has this session, and so have its replies."""

    def __init__(self, client: _Client, session_id: str, lang: str | None = None) -> None:
        """Raises SettingsError for a session id that can't be used."""
        super().__init__(client, session_id, lang)
        self._client = client

    def ask(
        self, what: Any, *, timeout: float = 15.0, lang: str | None = None, replies: Collection[str] = SPOKEN
    ) -> Iterator[Message]:
        """See HiveMessageBusClient.ask."""
        lang = lang or self.lang
        found: Iterator[Message] = self._client.ask(
            what, timeout=timeout, lang=lang, replies=replies, context=self.context
        )
        return found

    def on(self, msg_type: str, func: Listener) -> Callable[[], None]:
        """Call `func(Message)` for each bus message of this type and session. Returns what ends it."""

        def listener(message: Message) -> None:
            if self._is_ours(message):
                func(message)

        self._client.on_mycroft(msg_type, listener)
        return lambda: self._client.remove(msg_type, listener)


class AsyncSession(_Person):
    """The same on asyncio."""

    def __init__(self, client: _Client, session_id: str, lang: str | None = None) -> None:
        """Raises SettingsError for a session id that can't be used."""
        super().__init__(client, session_id, lang)
        self._client = client

    def ask(
        self, what: Any, *, timeout: float = 15.0, lang: str | None = None, replies: Collection[str] = SPOKEN
    ) -> Stream[Message]:
        """See AsyncHiveMessageBusClient.ask."""
        lang = lang or self.lang
        found: Stream[Message] = self._client.ask(
            what, timeout=timeout, lang=lang, replies=replies, context=self.context
        )
        return found

    def on(self, msg_type: str, func: Listener) -> Callable[[], None]:
        """Call `func(Message)`, which may be a coroutine function, for each bus message of this type and session.

        Returns what ends it.
        """

        def listener(message: Message) -> None:
            if self._is_ours(message):
                func(message)

        async def awaiting(message: Message) -> None:
            if self._is_ours(message):
                await func(message)

        hear = awaiting if is_coroutine(func) else listener
        self._client.on_mycroft(msg_type, hear)
        return lambda: self._client.remove(msg_type, hear)
