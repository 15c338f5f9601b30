"""The Noise handshake as contracts.Handshake: which pattern, which suite, whom to trust, and what a failure means."""

from __future__ import annotations

from binascii import Error as HexError
from binascii import unhexlify
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hivemind_sdk.contracts import (
    Compute,
    Declined,
    Established,
    HandshakeContext,
    HandshakeScript,
    Role,
    Send,
    SessionInfo,
)
from hivemind_sdk.errors import (
    AuthenticationRefused,
    DecryptionError,
    HandshakeError,
    MalformedFrame,
    RemoteProtocolError,
)
from hivemind_sdk.identity import fingerprint
from hivemind_sdk.messages import HiveMessage, HiveMessageType, JSONObject

from .negotiation import KK, XX, agree, choose, downgrade, encoding_of, lacking, propose, suites_of
from .pins import Pins, StaticKey, pin_name
from .prologue import prologue
from .psk import PskCache
from .session import MAX_MESSAGE, NoiseSession
from .state import PATTERNS, SUITES, HandshakeState, protocol_name

_Script = Generator[Send | Compute, Any, Established]
CONFIRM_WITHIN = 2.0
"""seconds in which a hub may still refuse after XX (wire-v3.md section 2)"""


@dataclass(frozen=True, slots=True)
class _Keys:
    """What a handshake needs of the node's memory, read before its first message."""

    pattern: str
    suite: str
    pin: bytes | None
    static: bytes = field(repr=False)
    psk: bytes | None = field(repr=False)
    """None: it has to be derived"""
    warnings: list[str]


class NoiseHandshake:
    """One for each client: remembers keys that could not be stored, and a KK attempt that did not end well."""

    def __init__(self) -> None:
        self._static = StaticKey()
        self._psks = PskCache()
        self._pins = {Role.SATELLITE: Pins("pinned_noise_keys"), Role.HUB: Pins("pinned_client_noise_keys")}
        self._kk_failed: set[str] = set()

    # --- which of them, and whether at all ---

    def satellite(self, context: HandshakeContext) -> HandshakeScript:
        """No downgrade: a hub that is pinned is joined with Noise, or not at all.

        The script raises AuthenticationRefused if such a hub does not offer Noise, SettingsError if it can't be done
        here.
        """
        keys = yield Compute(partial(self._recall, context), "reading the keys")
        if isinstance(keys, Declined):
            return keys
        if keys.pattern == KK:
            return (yield from self._kk(context, keys))
        self._kk_failed.discard(pin_name(context))
        return (yield from self._xx(context, keys))

    def _recall(self, context: HandshakeContext) -> _Keys | Declined:
        """Reads pin, static key and pre-shared key. May block."""
        hub = pin_name(context)
        pin = self._pins[Role.SATELLITE].get(context.state, hub)
        patterns = {XX, KK} if pin is not None and hub not in self._kk_failed else {XX}
        chosen = choose(context, patterns)
        if isinstance(chosen, Declined):
            if pin is not None:
                raise downgrade(hub, chosen)
            return chosen
        return self._keys(context, *chosen, pin)

    def _keys(self, context: HandshakeContext, pattern: str, suite: str, pin: bytes | None) -> _Keys:
        static, warnings = self._static.load(context.state, context.random)
        return _Keys(pattern, suite, pin, static, self._psks.find(context, static), warnings)

    def hub(self, context: HandshakeContext, first: JSONObject) -> HandshakeScript | Declined:
        noise, offered = first.get("noise"), context.offer.get("noise")
        if not isinstance(noise, dict) or not isinstance(offered, dict):
            return Declined("the satellite sent no Noise message")
        pattern, suite = str(noise.get("pattern")), str(noise.get("suite"))
        if pattern not in offered["patterns"] or suite not in offered["suites"]:
            return Declined("the satellite chose a Noise pattern or suite that was not offered")
        return self._respond(context, pattern, suite, first)

    def offer(self, context: HandshakeContext) -> JSONObject:
        """Nothing where the access key has no password. KK only where its static key is pinned."""
        suites = suites_of(context)
        if not suites or not (context.credentials.password or context.credentials.provisioned_key) or lacking(context):
            return {}
        pinned = self._pins[Role.HUB].get(context.state, pin_name(context)) is not None
        return {
            "max_protocol_version": 3,
            "noise": {"patterns": [KK, XX] if pinned else [XX], "suites": suites},
        }

    # --- the satellite ---

    def _xx(self, context: HandshakeContext, keys: _Keys) -> _Script:
        binarize, proposal = propose(context)
        state = yield from self._begin(context, keys, initiator=True)
        reply = yield from _exchange(_first(XX, keys.suite, state.write(proposal)))
        try:
            answer = state.read(reply)
        except DecryptionError:
            yield Compute(partial(self._psks.forget, context), "forgetting the kept key")
            # with the hub's static key opened, the transcript is the hub's; what did not fit is the password
            raise (_wrong_password if state.remote_static else _changed_on_the_way)(context) from None
        store = self._trust(context, keys.pin, state.remote_static)
        last = state.write(b"")
        session = _session(context, keys, state, binarize, encoding_of(answer))
        return Established(session, send=_message(last), confirm_within=CONFIRM_WITHIN, probe=_probe(), store=store)

    def _kk(self, context: HandshakeContext, keys: _Keys) -> _Script:
        hub = pin_name(context)
        binarize, proposal = propose(context)
        state = yield from self._begin(context, keys, initiator=True)
        first = _first(KK, keys.suite, state.write(proposal))
        self._kk_failed.add(hub)  # until it is known to have succeeded, however this ends
        try:
            answer = state.read((yield from _exchange(first)))
        except (RemoteProtocolError, GeneratorExit) as error:
            self._psks.doubt(context)
            how = "closed the link" if isinstance(error, GeneratorExit) else "answered with what its pinned key can't"
            raise HandshakeError(
                f"the handshake {KK} with {hub} failed: the hub {how}; the next attempt is {XX}",
                retry=True,
                hint="the hub may have forgotten our key, hold another password, or be another one than is pinned",
            ) from None
        self._kk_failed.discard(hub)
        return Established(_session(context, keys, state, binarize, encoding_of(answer)), probe=_probe())

    def _trust(self, context: HandshakeContext, pin: bytes | None, key: bytes) -> Callable[[], Sequence[str]] | None:
        """The hub has proven that it holds this key. Returns what pins an unknown one (Established.store)."""
        hub = pin_name(context)
        if pin is None:
            return partial(self._pins[Role.SATELLITE].put, context.state, hub, key)
        if pin != key:
            raise AuthenticationRefused(
                f"the key of the hub {hub} has changed: pinned {fingerprint(pin)}, now {fingerprint(key)}",
                hint="somebody in between may pass for the hub. If it was set up anew, compare the fingerprint there, "
                f"then run `hivemind-client forget-server --host {hub}`",
            )
        return None

    # --- the hub ---

    def _respond(self, context: HandshakeContext, pattern: str, suite: str, first: JSONObject) -> HandshakeScript:
        name, pins = pin_name(context), self._pins[Role.HUB]

        def recall() -> _Keys:
            return self._keys(context, pattern, suite, pins.get(context.state, name))

        message = _message_of(first)
        keys = yield Compute(recall, "reading the keys")
        state = yield from self._begin(context, keys, initiator=False)
        binarize, encoding, answer = agree(context, _checked(state, message))
        last: JSONObject | None = _message(state.write(answer))
        if not state.finished:
            _checked(state, (yield from _exchange(last)))
            if keys.pin is None:
                put = partial(pins.put, context.state, name, state.remote_static)
                keys.warnings.extend((yield Compute(put, "pinning the satellite")))
            elif keys.pin != state.remote_static:
                raise AuthenticationRefused(
                    f"the satellite's key is {fingerprint(state.remote_static)}, but {fingerprint(keys.pin)} is pinned",
                    code=1008,
                    reason="handshake failure: static key differs from the pinned one",
                )
            last = None
        return Established(_session(context, keys, state, binarize, encoding), send=last)

    # --- both ---

    def _begin(self, context: HandshakeContext, keys: _Keys, *, initiator: bool) -> Generator[Any, Any, HandshakeState]:
        """Returns the state before its first message."""
        bound = prologue(context.hello, context.offer, protocol_name(keys.pattern, keys.suite))
        psk = keys.psk
        if psk is None:
            psk = yield self._psks.derivation(context, keys.static, keys.warnings.append)
        return HandshakeState(
            keys.pattern,
            keys.suite,
            context.crypto,
            initiator=initiator,
            prologue=bound,
            static=keys.static,
            psk=psk,
            random=context.random,
            remote_static=keys.pin if PATTERNS[keys.pattern].known else None,
        )


def _probe() -> HiveMessage:
    """An acknowledgement of no deposits: it changes nothing, and every hub answers it (wire-v3.md section 10)."""
    return HiveMessage(HiveMessageType.RENDEZVOUS, {"cmd": "ack", "deposit_ids": []})


# --- messages -------------------------------------------------------------------------------------------------------


def _first(pattern: str, suite: str, message: bytes) -> JSONObject:
    return {"noise": {"pattern": pattern, "suite": suite, "msg": message.hex()}}


def _message(message: bytes) -> JSONObject:
    return {"noise": {"msg": message.hex()}}


def _exchange(payload: JSONObject | None) -> Generator[Any, Any, bytes]:
    """Send, and wait for the answer: what carries no Noise message (a repeated offer) is none."""
    reply = yield Send(payload)
    while not isinstance(reply.get("noise"), dict) or "msg" not in reply["noise"]:
        reply = yield Send(None)
    return _message_of(reply)


def _message_of(payload: JSONObject) -> bytes:
    """Raises MalformedFrame."""
    text = payload["noise"].get("msg")
    if not isinstance(text, str) or len(text) > 2 * MAX_MESSAGE:
        raise MalformedFrame("`noise.msg` is not a text of at most 131070 characters")
    try:
        return unhexlify(text)
    except (HexError, ValueError):
        raise MalformedFrame("`noise.msg` is not hexadecimal") from None


def _checked(state: HandshakeState, message: bytes) -> bytes:
    """Read a satellite's message. Raises AuthenticationRefused where it does not fit our keys."""
    try:
        return state.read(message)
    except DecryptionError:
        raise AuthenticationRefused(
            "the satellite's Noise message does not fit: it holds another password or static key, or another HELLO "
            "or offer has reached it",
            code=1008,
            reason="handshake failure",
        ) from None


def _wrong_password(context: HandshakeContext) -> AuthenticationRefused:
    if context.credentials.provisioned_key:
        return AuthenticationRefused(
            f"the provisioned key is not the one of the hub {context.authority} for this access key",
            hint="run `hivemind-core derive-psk --password PASSWORD --node-id NODE_ID` on that hub, with the password "
            "of this access key: a key holds for one hub only",
        )
    return AuthenticationRefused(
        f"the hub {context.authority} holds another password for this access key, or is not the hub",
        hint="compare the two passwords, then `hivemind-client set-identity --password`",
    )


def _changed_on_the_way(context: HandshakeContext) -> AuthenticationRefused:
    return AuthenticationRefused(
        f"what the hub {context.authority} sent was changed on its way to us: its HELLO, its offer or its answer",
        hint="somebody is in between: use wss://, or ask who runs the network",
    )


def _session(
    context: HandshakeContext, keys: _Keys, state: HandshakeState, binarize: bool, encoding: str
) -> NoiseSession:
    hub_key = state.remote_static if context.role is Role.SATELLITE else state.static_public
    info = SessionInfo(
        protocol=3,
        handshake="noise",
        cipher=SUITES[keys.suite].cipher,
        encoding=encoding,
        binarize=binarize,
        pattern=keys.pattern,
        suite=keys.suite,
        hub_key=fingerprint(hub_key),
        hello_bound=True,  # it is in the prologue
        warnings=tuple(keys.warnings),
    )
    send, receive = state.split()
    return NoiseSession(info, send, receive, role=context.role, reassembly=context.limits.reassembly)
