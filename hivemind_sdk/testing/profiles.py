"""How the generations of hivemind-core differ, as far as a satellite can see it. The embedded hub follows a profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Close:
    """How a link is closed. `code` None: a close frame without a status."""

    code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """One generation of the server."""

    name: str
    handshakes: tuple[str, ...]
    """names of handshake plugins that it answers"""
    offer: Mapping[str, object] = field(default_factory=dict)
    """what its offer says beside what the handshakes add"""
    node_id: str = "master:0.0.0.0"
    """empty: the hub's public key"""
    bad_key: Close = Close()
    bad_frame: Close | None = None
    """None: the link is cut without a close frame"""
    failed_handshake: Close = Close()
    denies: bool = True
    """answers `hive.policy.denied`; otherwise what is not allowed is dropped without a word"""
    forbidden: Close | None = None
    """what a verb without its permission brings; None: it is ignored"""
    answers_queries: bool = True
    default_session: bool = False
    """takes the session id `default` from a satellite"""


_LEGACY_OFFER = {"handshake": True, "min_protocol_version": 1, "max_protocol_version": 1, "crypto_required": True}
_CLASSIC = ("password", "rsa", "preshared")
_INVALID = Close(1008, "invalid message")

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("4.0.0", _CLASSIC, _LEGACY_OFFER, denies=False, answers_queries=False),
        Profile("4.6.1a1", _CLASSIC, {**_LEGACY_OFFER, "max_protocol_version": 2}),
        Profile(
            "4.15.0a1",
            ("noise", *_CLASSIC),
            {**_LEGACY_OFFER, "min_protocol_version": 2, "max_protocol_version": 3},
            bad_key=Close(1008, "invalid api key"),
            bad_frame=_INVALID,
            failed_handshake=Close(1008, "handshake failure"),
        ),
        Profile(
            "5.3.10a1",
            ("noise",),
            {"max_protocol_version": 3},
            node_id="",
            bad_key=Close(1008, "invalid api key"),
            bad_frame=_INVALID,
            failed_handshake=Close(1008, "handshake failure"),
            forbidden=Close(4003, "not allowed for this client"),
            default_session=True,
        ),
    )
}
