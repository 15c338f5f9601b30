"""The primitive INTERCOM: seals messages end to end. Only the record is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivemind_sdk.hooks import PrimitivePlugin, hookimpl

if TYPE_CHECKING:
    from .envelope import IntercomRSA

HIVEMIND_API = 1


def _intercom() -> IntercomRSA:
    from .envelope import IntercomRSA

    return IntercomRSA()


@hookimpl
def hivemind_primitives() -> list[PrimitivePlugin]:
    return [
        PrimitivePlugin(name="intercom-rsa", primitive="INTERCOM", create=_intercom, help="seals messages end to end")
    ]
