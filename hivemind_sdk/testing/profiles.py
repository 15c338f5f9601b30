"""How the generations of hivemind-core differ, as far as a satellite can see it. The embedded hub follows a profile.

Seen on the real servers; tests/interop runs the same behaviour against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

NO_STATUS, ABORT = 1005, 1006


@dataclass(frozen=True, slots=True)
class Close:
    """How a link is closed: NO_STATUS is a close frame without a code, ABORT none at all."""

    code: int = NO_STATUS
    reason: str = ""


class Sessions(Enum):
    """What a hub thinks of a satellite that uses the session `default`, or none, and is no admin."""

    REFUSED = "closed without a code, whether HELLO or BUS has it"
    HELLO_REFUSED = "closed without a code where HELLO has it; a BUS message gets the session of its link"
    ANY = "taken as it is"


@dataclass(frozen=True, slots=True)
class Profile:
    """One generation of the server."""

    name: str
    handshakes: tuple[str, ...]
    """names of handshake plugins that it answers"""
    offer: Mapping[str, object] = field(default_factory=dict)
    """what its offer says beside what the handshakes add"""
    preshared_offer: Mapping[str, object] = field(default_factory=dict)
    """what it says differently to a client with a pre-shared key"""
    node_id: str = "master:0.0.0.0"
    """empty: the hub's public key"""
    bad_token: Close = Close(1008, "invalid authorization")
    """no authorization, or one that can't be read"""
    bad_key: Close = Close()
    bad_frame: Close = Close(ABORT)
    """nothing can be read from it, or it does not decrypt"""
    failed_handshake: Close = Close()
    broken: Close = Close(ABORT)
    """the agent raised"""
    denies: bool = True
    """answers `hive.policy.denied`; otherwise what is not allowed is dropped without a word"""
    denies_binary: bool = False
    """BINARY is denied to who may send no bus message at all"""
    forbidden: Close | None = None
    """what a verb without its permission brings; None: it is ignored"""
    forbidden_queries: Close | None = None
    """the same for QUERY and CASCADE"""
    unwraps: bool = False
    """takes PROPAGATE and BROADCAST off what it passes on; otherwise it keeps them, with the route"""
    aborts_after: frozenset[str] = frozenset()
    """verbs after which the sender's link is aborted: a fault of that server"""
    answers_pings: bool = True
    answers_queries: bool = True
    answers_on_binary: bool = True
    """otherwise the link is closed with 1011 in place of an answer to QUERY or CASCADE: its metadata are too large"""
    answers_rendezvous: bool = False
    """says that it is no mailbox; otherwise such messages are ignored"""
    sessions: Sessions = Sessions.ANY
    evicts: bool = False
    """a second link with the same key and session takes the first one's name; otherwise it gets another name"""
    random_peer: bool = False
    """until HELLO the session in a peer's name is a random one, instead of `default`"""


_LEGACY_OFFER = {"handshake": True, "min_protocol_version": 1, "max_protocol_version": 1, "crypto_required": True}
_PRESHARED_OFFER = {"handshake": False, "min_protocol_version": 0}
_CLASSIC = ("password", "rsa", "preshared")

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            "4.0.0",
            _CLASSIC,
            _LEGACY_OFFER,
            _PRESHARED_OFFER,
            bad_token=Close(ABORT),
            denies=False,
            unwraps=True,
            aborts_after=frozenset({"escalate", "propagate"}),
            answers_pings=False,
            answers_queries=False,
            sessions=Sessions.REFUSED,
            evicts=True,
        ),
        Profile(
            "4.6.1a1",
            _CLASSIC,
            _LEGACY_OFFER,
            _PRESHARED_OFFER,
            forbidden_queries=Close(),
            unwraps=True,
            sessions=Sessions.HELLO_REFUSED,
            evicts=True,
        ),
        Profile(
            "4.15.0a1",
            ("noise", *_CLASSIC),
            {**_LEGACY_OFFER, "min_protocol_version": 2, "max_protocol_version": 3},
            node_id="",
            bad_key=Close(1008, "invalid api key"),
            bad_frame=Close(1008, "invalid message"),
            failed_handshake=Close(1008, "handshake failure"),
            broken=Close(1011, "internal error"),
            denies_binary=True,
            forbidden=Close(1000),
            forbidden_queries=Close(1000),
            answers_on_binary=False,
            answers_rendezvous=True,
            random_peer=True,
        ),
        Profile(
            "5.3.10a1",
            ("noise",),
            {"max_protocol_version": 3},
            node_id="",
            bad_key=Close(1008, "invalid api key"),
            bad_frame=Close(1008, "invalid message"),
            failed_handshake=Close(1008, "handshake failure"),
            broken=Close(1011, "internal error"),
            denies_binary=True,
            forbidden=Close(4003, "not allowed for this client"),
            forbidden_queries=Close(4003, "not allowed for this client"),
            answers_on_binary=False,
            answers_rendezvous=True,
            random_peer=True,
        ),
    )
}
