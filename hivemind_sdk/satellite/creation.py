"""Makes an asyncio satellite or client without holding up the event loop."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, TypeVar

from ..aio import offload

C = TypeVar("C", bound="CreatedOffLoop")
_closing: set[asyncio.Future[None]] = set()
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
            making.add_done_callback(_close_unwanted)
            raise

    async def close(self) -> None:
        """Ends everything that belongs to it."""
        raise NotImplementedError


def _close_unwanted(making: asyncio.Future[Any]) -> None:
    if not making.cancelled() and making.exception() is None:
        closing = asyncio.ensure_future(making.result().close())
        _closing.add(closing)
        closing.add_done_callback(_closing.discard)
