"""Makes an asyncio satellite or client without holding up the event loop."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, TypeVar

from ..aio import offload
from ..aio.callbacks import Tasks, spawn

C = TypeVar("C", bound="CreatedOffLoop")
_closing: Tasks = {}
"""asyncio itself holds tasks weakly"""


class CreatedOffLoop:
    """What has a constructor that takes long the first time: it loads plugins, and reads the identity."""

    @classmethod
    async def create(cls: type[C], *arguments: Any, **options: Any) -> C:
        """What the constructor makes, made on a thread. Arguments and errors are those of the constructor.

        Where it is cancelled nothing is left open.
        """
        making = asyncio.ensure_future(offload.run(partial(cls, *arguments, **options)))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            await asyncio.shield(spawn(_closing, _close(making)))
            raise

    async def close(self) -> None:
        """Ends everything that belongs to it."""
        raise NotImplementedError


async def _close(making: asyncio.Future[C]) -> None:
    """Nobody wants it any more."""
    await asyncio.wait([making])
    if making.exception() is None:
        await making.result().close()
