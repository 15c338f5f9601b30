"""What a hub's close before READY means: which error it is, and what to do about it (wire-v3.md section 2)."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import AuthenticationRefused, HiveMindError, LinkClosed, NoCommonHandshake, Refused, shown
from .connection import Phase

SILENT_CLOSES = 2
"""closes without a code before a session is agreed, in a row, that are taken for a refusal (wire.md section 2.2)"""

_NO_CODE = (1005, None)
"""the peer has ended the link, and said no more"""
REFUSED_CODES = frozenset({1008, 4001, 4003})
"""close codes that, before the link is READY, mean that the hub does not want us"""

_KEY = (
    "the hub does not know the access key: compare it with `hivemind-core list-clients` on the hub, then "
    "`hivemind-client set-identity --key`"
)
_PASSWORD = "compare the two passwords, then `hivemind-client set-identity --password`"  # noqa: S105
_CHANGED = (
    "the hub can't make sense of our side of the handshake. If the passwords are the same, somebody in between changes "
    "what the two say to each other: use wss://, or ask who runs the network"
)
_PIN = (
    "most likely the hub has pinned the key of another device under this access key, or this one has lost its own "
    "(noise.key): give each device an access key of its own, or run `hivemind-core reset-noise-pin NODE_ID` on the hub"
)
_VERSION = (
    "the hub wants a newer handshake: see that it holds a password for this access key, that one is set here, and that "
    "max_protocol allows 3"
)

_BY_REASON: tuple[tuple[str, str], ...] = (
    ("invalid api key", _KEY),
    ("invalid authorization", _KEY),
    ("pinned key", _PIN),
    ("password", _PASSWORD),
    ("protocol v", _VERSION),
    ("handshake failure", _CHANGED),
    ("v3 noise handshake", _VERSION),
    ("no usable key", _VERSION),
)
"""a part of the hub's reason, in lower case -> the hint; the first that fits"""
_OLD = "older hubs do so when they do not know the access key: check it. One with a `:` they never know"
_WITHOUT_A_WORD: Mapping[Phase, tuple[str, str]] = {
    Phase.GREETING: ("as soon as it is open", _OLD),
    Phase.ESTABLISHED: ("when the handshake is over", _PIN),
}
"""what a hub refuses when: old ones, and all of them over transports that have no codes (HTTP, brokers). Between the
agreed session and READY there is nothing else that a hub could end the link for"""
_BY_PHASE: Mapping[Phase, str] = {Phase.GREETING: _KEY, Phase.OFFER: _KEY, Phase.ESTABLISHED: _PIN}
"""the same for reasons that say nothing (`invalid message`): what a hub looks at when"""


class Verdicts:
    """What attempts that failed mean, where one alone does not tell."""

    __slots__ = ("_silent_closes",)

    def __init__(self) -> None:
        self._silent_closes: dict[int, int] = {}
        """for each hub"""

    def of(self, cause: HiveMindError, phase: Phase, hub: int) -> HiveMindError:
        """What ended an attempt at this hub, with the link in that phase, is to be called."""
        if not isinstance(cause, LinkClosed):
            return cause
        if refused := refusal(cause, phase):
            return refused
        where = _WITHOUT_A_WORD.get(phase)
        if where and cause.code in _NO_CODE:
            self._silent_closes[hub] = self._silent_closes.get(hub, 0) + 1
            if phase is Phase.ESTABLISHED or self._silent_closes[hub] >= SILENT_CLOSES:
                text, hint = where
                return AuthenticationRefused(
                    f"the hub closes the link without a word {text}", code=cause.code, hint=hint
                )
            cause.retry = True
        return cause

    def greeted(self) -> None:
        """A session was agreed: what was silent before was not about us."""
        self._silent_closes.clear()


def refusal(closed: LinkClosed, phase: Phase) -> Refused | None:
    """None where this close, with the link in that phase, is no refusal.

    Once the satellite takes the session for agreed, all that a hub can still dislike is our static key. It often can't
    say so: what we send next reaches it before its close goes out, and is to it an `invalid message`.
    """
    if closed.code not in REFUSED_CODES:
        return None
    reason = closed.reason.lower()
    hint = next((hint for part, hint in _BY_REASON if part in reason), _BY_PHASE.get(phase, _CHANGED))
    if phase is Phase.ESTABLISHED and hint is _CHANGED:
        hint = _PIN
    kind = NoCommonHandshake if hint is _VERSION else AuthenticationRefused
    text = f"the hub refused this satellite: {shown(closed.reason) or f'close code {closed.code}'}"
    return kind(text, code=closed.code, reason=closed.reason, hint=hint)
