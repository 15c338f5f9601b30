"""The primitive NOISE: the state machine and its sessions; the caller gives all keys (vectors, tests)."""

from __future__ import annotations

from collections.abc import Callable

from hivemind_sdk.contracts import Crypto, Role, SessionInfo
from hivemind_sdk.errors import LocalProtocolError

from .session import NoiseSession
from .state import PATTERNS, SUITES, HandshakeState


class BareNoise:
    """Used by `hivemind_sdk.testing.vectors`."""

    def begin(
        self,
        crypto: Crypto,
        pattern: str,
        suite: str,
        *,
        initiator: bool,
        prologue: bytes,
        static: bytes,
        psk: bytes,
        random: Callable[[int], bytes],
        remote_static: bytes | None = None,
    ) -> HandshakeState:
        """Raises LocalProtocolError for a pattern or a suite that is not known here."""
        if pattern not in PATTERNS or suite not in SUITES:
            raise LocalProtocolError(
                f"Noise {pattern[:40]!r} with {suite[:40]!r} is not known here",
                hint=f"patterns: {', '.join(PATTERNS)}; suites: {', '.join(SUITES)}",
            )
        return HandshakeState(
            pattern,
            suite,
            crypto,
            initiator=initiator,
            prologue=prologue,
            static=static,
            psk=psk,
            random=random,
            remote_static=remote_static,
        )

    def session(self, state: HandshakeState, role: Role, reassembly: int) -> NoiseSession:
        """The transport of a finished handshake."""
        info = SessionInfo(protocol=3, handshake="noise", cipher="")
        send, receive = state.split()
        return NoiseSession(info, send, receive, role=role, reassembly=reassembly)
