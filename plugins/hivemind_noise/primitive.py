"""The primitive NOISE: the bare Noise state machine, for vectors. Only the record is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivemind_sdk.hooks import PrimitivePlugin, hookimpl

if TYPE_CHECKING:
    from .bare import BareNoise

HIVEMIND_API = 1


def _noise() -> BareNoise:
    from .bare import BareNoise

    return BareNoise()


@hookimpl
def hivemind_primitives() -> list[PrimitivePlugin]:
    return [
        PrimitivePlugin(name="noise-bare", primitive="NOISE", create=_noise, help="the bare Noise state machine"),
    ]
