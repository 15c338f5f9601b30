"""Agreeing: both sides get a session, use what is allowed, and decline what they can't do."""

from __future__ import annotations

from typing import Any

from ....contracts import Declined, SessionInfo
from ....messages import JSONObject
from ..contract import check
from ..exchange import first_outcome, meet
from ..expect import must, ours_alone, same
from ..hostile import garbled
from ..installed import installed_crypto
from .meetings import ENCODINGS, SATELLITE, Meetings

_FOREIGN: JSONObject = {"handshake": False, "min_protocol_version": 99}


class Agreeing(Meetings):
    """Checks of handshakes that nobody disturbs."""

    @check
    def test_both_sides_reach_sessions_that_say_the_same(self) -> None:
        ours, theirs = self._meet().pair()
        for info in (ours.info, theirs.info):
            must(isinstance(info, SessionInfo), f"info of a session is {type(info).__name__}, not SessionInfo")
            same(info.protocol, self.protocol, "the protocol in info")
            must(
                info.cipher in installed_crypto().cipher_names, f"info names a cipher {info.cipher!r} that is not there"
            )
        for what in ("cipher", "encoding", "binarize", "pattern", "suite"):
            same(getattr(ours.info, what), getattr(theirs.info, what), f"{what} of the two sides")

    @check
    def test_the_other_implementation_is_understood_in_both_roles(self) -> None:
        must(self._meet().understand(), "our satellite and the other's hub do not understand each other")
        must(self._meet(swapped=True).understand(), "the other's satellite and our hub do not understand each other")

    @check
    def test_only_what_is_allowed_here_is_used(self) -> None:
        for cipher in installed_crypto().cipher_names:
            for encoding in ENCODINGS[:2]:
                meeting = self._meet(both={"ciphers": (cipher,), "encodings": (encoding,), "binarize": False})
                for session in meeting.sessions.values():
                    info = session.info
                    same(info.cipher, cipher, "the cipher, where no other is allowed")
                    must(info.encoding in ("", encoding), f"uses {info.encoding}, where {encoding} alone is allowed")
                    same(info.binarize, False, "binarize, where it is not wanted")

    @check
    def test_one_instance_serves_one_link_after_the_other(self) -> None:
        ours, theirs = self.handshake(), self.counterpart()
        must(self._meet(ours, theirs).understand(), "the first link")
        self._meet(ours, theirs, hub={"credentials": self._held(self.wrong_credentials)})
        self._meet(ours, theirs, change=lambda number, payload: payload if number == 0 else {})
        must(self._meet(ours, theirs).understand(), "a link after one that failed")

    @check
    def test_keys_are_derived_where_the_engine_does_not_wait(self) -> None:
        """In a Compute: an event loop may run the link."""
        same(self._meet().waited_for, [], "keys that were derived outside of a Compute")

    @check
    def test_a_satellite_declines_without_work_what_is_not_offered(self) -> None:
        """At once, or when it has read what this node remembers (a pin), and nothing else."""
        context = self._context(SATELLITE, offer=dict(_FOREIGN), crypto=_NoCrypto(), random=_no_random)
        script = self.handshake().satellite(context)
        declined = script if isinstance(script, Declined) else first_outcome(script)
        must(isinstance(declined, Declined), f"it gives {type(declined).__name__}, not Declined")
        must(isinstance(declined, Declined) and declined.reason, "Declined gives no reason")

    @check
    def test_odd_offers_are_declined_or_refused_and_nothing_else(self) -> None:
        for what, offer in garbled(self._hub_context(self.counterpart()).offer):
            with ours_alone(f"an offer with {what}"):
                script = self.handshake().satellite(self._context(SATELLITE, offer=offer))
                if not isinstance(script, Declined):
                    self._finish(meet(script, lambda _first: Declined("")))

    @check
    def test_a_hub_declines_a_first_payload_that_is_not_its_own(self) -> None:
        handshake = self.handshake()
        for first in ({"strange": 1}, {"a handshake of the future": {"x": "y"}}):
            answer = handshake.hub(self._hub_context(handshake), first)
            must(isinstance(answer, Declined), f"a strange first payload gives {type(answer).__name__}, not Declined")

    @check
    def test_a_hub_that_is_asked_before_any_frame_declines_or_is_ready(self) -> None:
        handshake = self.handshake()
        script = handshake.hub(self._hub_context(handshake), {})
        if isinstance(script, Declined):
            return
        with ours_alone("hub() right after the offer"):
            try:
                next(script)
            except StopIteration:
                return
            script.close()
        must(not self._traits.proves, "it wants frames, and is not Declined before the first")


class _NoCrypto:
    """Nothing may be asked of it but names."""

    cipher_names = ("AES-GCM", "CHACHA20-POLY1305")

    def cipher(self, name: str) -> Any:
        raise AssertionError(f"it asks for the cipher {name}, though it has to decline")

    def nonce_size(self, name: str) -> int:
        raise AssertionError(f"it asks for the nonce of {name}, though it has to decline")

    def primitive(self, name: str) -> Any:
        raise AssertionError(f"it asks for the primitive {name}, though it has to decline")


def _no_random(_size: int) -> bytes:
    raise AssertionError("it draws random bytes, though it has to decline")
