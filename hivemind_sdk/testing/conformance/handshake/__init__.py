"""What contracts.Handshake and its Session promise: both sides agree, or nobody does; and nobody in between gets in."""

from __future__ import annotations

from ..contract import check
from .agreeing import Agreeing
from .sessions import Sessions
from .strangers import Strangers

__all__ = ["HandshakeContract"]


class HandshakeContract(Sessions, Strangers, Agreeing):
    """Holds a contracts.Handshake, both sides of it, to its contract. Override `handshake`, state its protocol.

    Keys are derived from passwords in no time in here (ARGON2ID, PBKDF2), but for the talk with the embedded hub.
    """

    @check
    def test_a_satellite_and_the_embedded_hub_talk_after_it(self) -> None:
        from dataclasses import replace

        from ....engine.connection import NamedHandshake
        from ....hooks import HandshakePlugin
        from ....plugins.loader import load
        from ...profiles import Profile
        from ..conversation import conversation

        name = "the one that is checked"
        record = HandshakePlugin(name=name, protocol=self.protocol, create=self.handshake)
        catalogue = replace(load(), handshakes=(record,))
        profile = Profile("conformance", (name,), self.offer)
        with conversation(self._held(self.credentials), profile, patience=self.patience, catalogue=catalogue) as talk:
            talk.over(handshakes=[NamedHandshake(name, self.protocol, self.handshake())])
