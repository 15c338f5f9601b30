"""The skeleton of a bridge between a chat and a hub. Put a chat library in the place of `Chat`.

Each person has a session of their own: their questions run beside those of others, in their language, and what the hub
says for them later, such as a reminder, is sent to them too.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Protocol

from hivemind_sdk import AsyncHiveMessageBusClient
from hivemind_sdk.errors import HiveMindError


class Chat(Protocol):
    """What the bridge needs of a chat library."""

    async def next(self) -> tuple[str, str] | None:
        """The next message: who wrote it, and its text. None: the chat is over."""

    async def say(self, person: str, text: str) -> None:
        """Send a text to one person."""


class Bridge:
    """Takes what people write to the hub, and what the hub says to the people."""

    def __init__(self, client: AsyncHiveMessageBusClient, chat: Chat) -> None:
        self.client = client
        self.chat = chat
        self.people: dict[str, Any] = {}
        """the session of each person who has written something"""

    async def run(self) -> None:
        """Until the chat is over; what was asked by then is still answered."""
        tasks: set[asyncio.Task[None]] = set()
        while (written := await self.chat.next()) is not None:
            task = asyncio.create_task(self.ask(*written))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    async def ask(self, person: str, text: str) -> None:
        """One question. Its answer comes to `hear`, as everything does that is said in this session."""
        try:
            await self.session_of(person).ask(text, timeout=30.0)
        except HiveMindError as error:
            await self.chat.say(person, f"(no answer: {error})")

    def session_of(self, person: str) -> Any:
        """The session of this person, made when it is first asked for."""
        if person not in self.people:
            session = self.people[person] = self.client.session(person)

            async def hear(message: Any) -> None:
                await self.chat.say(person, message.data["utterance"])

            session.on("speak", hear)
        return self.people[person]


class Terminal:
    """A chat of one: lines of standard input, as `NAME: TEXT`."""

    async def next(self) -> tuple[str, str] | None:
        line = await asyncio.to_thread(sys.stdin.readline)
        name, _, text = line.partition(":")
        return (name.strip(), text.strip()) if line else None

    async def say(self, person: str, text: str) -> None:
        print(f"to {person}: {text}")


async def main() -> None:
    async with AsyncHiveMessageBusClient() as client:  # hub, key and password: of the identity
        await Bridge(client, Terminal()).run()


if __name__ == "__main__":
    asyncio.run(main())
