"""What the checks of a handshake are made of: a satellite and a hub that meet, with all that they may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from ....contracts import Declined, Handshake, HandshakeContext, HandshakeScript, Role
from ....messages import JSONObject
from ....settings import Credentials
from ..contract import Contract
from ..exchange import Change, Meeting, QuickArgon2id, QuickPBKDF2, meet
from ..expect import must
from ..installed import installed_crypto
from ..primitives import sample_keys

ENCODINGS = ("JSON-B64", "JSON-HEX", "JSON-Z85B")
SATELLITE, HUB = Role.SATELLITE, Role.HUB


@dataclass(frozen=True)
class Traits:
    """What a version of the protocol can do, and what it can't: no implementation can mend that."""

    proves: bool = True
    """each side proves in its frames that it holds the same secret"""
    shares_secret: bool = True
    """the two hold a secret (password, key) in common"""
    fresh_keys: bool = True
    """each link has a key of its own"""
    replayable: bool = False
    """a hub's answer can be played back to the same satellite"""


TRAITS: Mapping[int, Traits] = {
    0: Traits(proves=False, fresh_keys=False),
    1: Traits(proves=False, shares_secret=False, replayable=True),
    2: Traits(),
    3: Traits(),
}


class Meetings(Contract):
    """What an author overrides, and how the two sides get together."""

    protocol: ClassVar[int] = 2
    """0 pre-shared key, 1 RSA, 2 password, 3 Noise"""
    credentials: ClassVar[Credentials] = Credentials("Sesame-4711-open", "sw0rdf1sh-4711", "k" * 32)
    """what both sides hold; of an RSA handshake, the access key counts alone"""
    wrong_credentials: ClassVar[Credentials] = Credentials("Sesame-4711-open", "n0t-sw0rdf1sh", "n" * 32)
    offer: ClassVar[JSONObject] = {"handshake": True, "min_protocol_version": 0, "max_protocol_version": 3}
    """what a hub offers that knows this handshake, beside what the handshake adds itself"""

    def handshake(self) -> Handshake:
        """A new one."""
        raise NotImplementedError

    def counterpart(self) -> Handshake:
        """The other side of each exchange: another implementation of the same protocol, or by default your own."""
        return self.handshake()

    @property
    def _traits(self) -> Traits:
        return TRAITS[self.protocol]

    def _held(self, credentials: Credentials) -> Credentials:
        """An RSA handshake is not used where there is a password to prove."""
        return credentials if self._traits.shares_secret else Credentials(credentials.access_key)

    def _context(self, role: Role, **changes: Any) -> HandshakeContext:
        from ...state import MemoryState

        keys = sample_keys()
        own = keys["bob" if role is SATELLITE else "alice"]
        fields: dict[str, Any] = {
            "role": role,
            "authority": "hub.local:5678",
            "hello": {"pubkey": keys["alice"]["public_pem"], "peer": "sat::1", "node_id": "node-1"},
            "offer": dict(self.offer),
            "credentials": self._held(self.credentials),
            "crypto": _Crypto(),
            "state": MemoryState(),
            "private_key": own["private_pem"],
            "public_key": own["public_pem"],
            "ciphers": installed_crypto().cipher_names,
            "encodings": ENCODINGS,
            "binarize": True,
        }
        return HandshakeContext(**{**fields, **changes})

    def _hub_context(self, handshake: Handshake | None = None, **changes: Any) -> HandshakeContext:
        """With the offer as it goes out: lists, and what the handshake adds."""
        context = self._context(HUB, **changes)
        lists = {"encodings": list(context.encodings), "ciphers": list(context.ciphers), "binarize": context.binarize}
        offer = {**self.offer, **lists}
        context = self._context(HUB, offer=offer, **changes)
        added = (handshake or self.counterpart()).offer(context)
        return self._context(HUB, offer={**offer, **added}, **changes)

    def _meet(
        self,
        ours: Handshake | None = None,
        theirs: Handshake | None = None,
        *,
        swapped: bool = False,
        both: JSONObject | None = None,
        satellite: JSONObject | None = None,
        hub: JSONObject | None = None,
        change: Change = lambda _number, payload: payload,
    ) -> Meeting:
        """A satellite (ours, unless `swapped`) and a hub; `both`, `satellite`, `hub`: changes of their contexts."""
        ours, theirs = ours or self.handshake(), theirs or self.counterpart()
        asking, answering = (theirs, ours) if swapped else (ours, theirs)
        there = self._hub_context(answering, **{**(both or {}), **(hub or {})})
        here = self._context(SATELLITE, offer=dict(there.offer), **{**(both or {}), **(satellite or {})})
        start: Callable[[JSONObject], HandshakeScript | Declined] = partial(answering.hub, there)
        return meet(asking.satellite(here), start, change)

    def _finish(self, meeting: Meeting) -> None:
        must(HUB not in meeting.sessions, "a hub that declined has a session")


_QUICK: Mapping[str, type[QuickArgon2id]] = {"ARGON2ID": QuickArgon2id, "PBKDF2": QuickPBKDF2}


class _Crypto:
    """What is installed, with a quick key derivation."""

    def __init__(self) -> None:
        self.cipher_names = installed_crypto().cipher_names
        self.cipher = installed_crypto().cipher
        self.nonce_size = installed_crypto().nonce_size

    def primitive(self, name: str) -> Any:
        return _QUICK[name]() if name in _QUICK else installed_crypto().primitive(name)
