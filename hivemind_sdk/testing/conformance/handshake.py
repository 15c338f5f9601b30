"""What contracts.Handshake and its Session promise: both sides agree, or nobody does; and nobody in between gets in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from ...contracts import Declined, Form, Handshake, HandshakeContext, HandshakeScript, Role, Session, SessionInfo
from ...errors import DecryptionError, MalformedFrame, RemoteProtocolError
from ...messages import JSONObject
from ...settings import Credentials
from .contract import Contract, check, skip
from .exchange import Change, Meeting, QuickArgon2id, QuickPBKDF2, meet
from .expect import hides, must, ours_alone, refused, same, told
from .hostile import forged, garbled
from .installed import installed_crypto
from .primitives import sample_keys

_ENCODINGS = ("JSON-B64", "JSON-HEX", "JSON-Z85B")
_TEXTS = (
    (Form.TEXT, b"{}"),
    (Form.BINARY, b"\x00\xff"),
    (Form.TEXT, "grüß".encode()),
    (Form.BINARY, b"x" * 200_000),
)
_FOREIGN: JSONObject = {"handshake": False, "min_protocol_version": 99}
_SATELLITE, _HUB = Role.SATELLITE, Role.HUB


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


class HandshakeContract(Contract):
    """Holds a contracts.Handshake, both sides of it, to its contract. Override `handshake`, state its protocol.

    Keys are derived from passwords in no time in here (ARGON2ID, PBKDF2), but for the talk with the embedded hub.
    """

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

    # --- agreeing ---

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
    def test_what_one_side_seals_the_other_opens(self) -> None:
        pair = self._meet().pair()
        for sender, receiver in (pair, pair[::-1], pair, pair):
            for form, text in _TEXTS:
                opened = [receiver.open(frame) for frame in sender.seal(form, text)]
                must(opened[-1] == (form, text), f"{len(text)} bytes of {form.name} do not come back")
                must(not any(opened[:-1]), "a part of a message is handed out")

    @check
    def test_the_other_implementation_is_understood_in_both_roles(self) -> None:
        must(self._meet().understand(), "our satellite and the other's hub do not understand each other")
        must(self._meet(swapped=True).understand(), "the other's satellite and our hub do not understand each other")

    @check
    def test_only_what_is_allowed_here_is_used(self) -> None:
        for cipher in installed_crypto().cipher_names:
            for encoding in _ENCODINGS[:2]:
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

    # --- declining ---

    @check
    def test_a_satellite_declines_without_work_what_is_not_offered(self) -> None:
        context = self._context(_SATELLITE, offer=dict(_FOREIGN), crypto=_NoCrypto(), random=_no_random)
        declined = self.handshake().satellite(context)
        must(isinstance(declined, Declined), f"it gives {type(declined).__name__}, not Declined")
        must(isinstance(declined, Declined) and declined.reason, "Declined gives no reason")

    @check
    def test_odd_offers_are_declined_or_refused_and_nothing_else(self) -> None:
        for what, offer in garbled(self._hub_context(self.counterpart()).offer):
            with ours_alone(f"an offer with {what}"):
                script = self.handshake().satellite(self._context(_SATELLITE, offer=offer))
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

    # --- who does not hold the secret ---

    @check
    def test_a_hub_with_another_secret_is_not_believed(self) -> None:
        self._needs_secret()
        meeting = self._meet(hub={"credentials": self._held(self.wrong_credentials)})
        self._strangers(meeting, "the satellite has a session with a hub that holds another secret", _SATELLITE)

    @check
    def test_a_satellite_with_another_secret_is_not_believed(self) -> None:
        self._needs_secret()
        meeting = self._meet(swapped=True, satellite={"credentials": self._held(self.wrong_credentials)})
        self._strangers(meeting, "the hub has a session with a satellite that holds another secret", _HUB)

    @check
    def test_a_forged_answer_of_the_hub_is_refused(self) -> None:
        self._forges(1, _SATELLITE)

    @check
    def test_a_forged_last_word_of_the_satellite_is_refused(self) -> None:
        self._forges(2, _HUB)

    @check
    def test_our_own_payload_sent_back_is_refused(self) -> None:
        sent: list[JSONObject] = []

        def reflect(number: int, payload: JSONObject) -> JSONObject:
            sent.append(payload)
            return sent[0] if number == 1 else payload

        meeting = self._meet(change=reflect)
        self._needs_frames(meeting)
        must(_SATELLITE not in meeting.sessions, "the satellite takes its own payload for the hub's answer")

    @check
    def test_an_answer_played_back_opens_nothing(self) -> None:
        if self._traits.replayable:
            skip("its protocol can't tell an answer that is played back")
        self._needs_fresh_keys()
        before = self._meet()
        self._needs_frames(before)
        recorded = before.payloads[1]
        meeting = self._meet(change=lambda number, payload: recorded if number == 1 else payload)
        fooled = meeting.sessions.get(_SATELLITE)
        if fooled is not None:
            self._opens_nothing(fooled, before.session(_HUB).seal(Form.TEXT, b"{}"))

    @check
    def test_two_links_have_two_keys(self) -> None:
        self._needs_fresh_keys()
        one, other = self._meet(), self._meet()
        self._opens_nothing(other.session(_HUB), one.session(_SATELLITE).seal(Form.TEXT, b"{}"))
        self._opens_nothing(other.session(_SATELLITE), one.session(_HUB).seal(Form.TEXT, b"{}"))

    # --- garbage ---

    @check
    def test_garbled_answers_give_only_our_own_errors_at_the_satellite(self) -> None:
        self._garbles(1)

    @check
    def test_garbled_payloads_give_only_our_own_errors_at_the_hub(self) -> None:
        self._garbles(0)

    @check
    def test_a_link_that_ends_in_the_middle_is_no_other_error(self) -> None:
        with ours_alone("a link that ends before the hub has answered"):
            script = self.handshake().satellite(self._context(_SATELLITE, offer=self._hub_context().offer))
            must(not isinstance(script, Declined), "it declines its own offer")
            self._finish(meet(script, lambda _first: Declined("the link ends")))

    # --- the session ---

    @check
    def test_tampered_frames_do_not_open(self) -> None:
        for form, text in ((Form.TEXT, b'{"msg_type": "bus"}'), (Form.BINARY, b"\x01" * 40)):
            for share in (0.34, 0.5, 0.6):
                sender, receiver = self._meet().pair()
                frame = sender.seal(form, text)[0]
                place = int(len(frame) * share)
                if isinstance(frame, str):
                    altered: str | bytes = f"{frame[:place]}{'1' if frame[place] == '0' else '0'}{frame[place + 1 :]}"
                else:
                    altered = frame[:place] + bytes([frame[place] ^ 1]) + frame[place + 1 :]
                with refused(f"a {form.name} frame, altered at {place}", DecryptionError, MalformedFrame):
                    receiver.open(altered)

    @check
    def test_garbage_and_frames_in_clear_are_refused(self) -> None:
        for frame in (
            '{"msg_type": "bus", "payload": {"type": "speak"}}',
            "",
            "{",
            "[]",
            b"",
            b"\x00" * 16,
            b"\xff" * 99,
        ):
            _, receiver = self._meet().pair()
            with refused(f"{frame!r:.30}, where all is sealed", RemoteProtocolError):
                receiver.open(frame)

    @check
    def test_nothing_shows_a_secret(self) -> None:
        secrets = [one for one in (self.credentials.password, self.credentials.preshared_key) if one]
        secrets.append(sample_keys()["bob"]["private_pem"].splitlines()[3])
        meeting = self._meet()
        hides(secrets, "a payload", *meeting.payloads)
        for session in meeting.sessions.values():
            hides(secrets, "a session", session, session.info)
        failed = [self._meet(hub={"credentials": self._held(self.wrong_credentials)})]
        failed += [self._meet(change=partial(_nothing_from, number)) for number in (0, 1)]
        for error in [error for one in failed for error in one.refusals.values()]:
            hides(secrets, f"a {type(error).__name__}", *told(error))

    # --- all of it ---

    @check
    def test_a_satellite_and_the_embedded_hub_talk_after_it(self) -> None:
        from dataclasses import replace

        from ...connection import NamedHandshake
        from ...hooks import HandshakePlugin
        from ...loader import load
        from ..profiles import Profile
        from .conversation import conversation

        name = "the one that is checked"
        record = HandshakePlugin(name=name, protocol=self.protocol, create=self.handshake)
        catalogue = replace(load(), handshakes=(record,))
        profile = Profile("conformance", (name,), self.offer)
        with conversation(self._held(self.credentials), profile, patience=self.patience, catalogue=catalogue) as talk:
            talk.over(handshakes=[NamedHandshake(name, self.protocol, self.handshake())])

    # --- inside ---

    @property
    def _traits(self) -> Traits:
        return TRAITS[self.protocol]

    def _held(self, credentials: Credentials) -> Credentials:
        """An RSA handshake is not used where there is a password to prove."""
        return credentials if self._traits.shares_secret else Credentials(credentials.access_key)

    def _context(self, role: Role, **changes: Any) -> HandshakeContext:
        from ..state import MemoryState

        keys = sample_keys()
        own = keys["bob" if role is _SATELLITE else "alice"]
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
            "encodings": _ENCODINGS,
            "binarize": True,
        }
        return HandshakeContext(**{**fields, **changes})

    def _hub_context(self, handshake: Handshake | None = None, **changes: Any) -> HandshakeContext:
        """With the offer as it goes out: lists, and what the handshake adds."""
        context = self._context(_HUB, **changes)
        lists = {"encodings": list(context.encodings), "ciphers": list(context.ciphers), "binarize": context.binarize}
        offer = {**self.offer, **lists}
        context = self._context(_HUB, offer=offer, **changes)
        added = (handshake or self.counterpart()).offer(context)
        return self._context(_HUB, offer={**offer, **added}, **changes)

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
        here = self._context(_SATELLITE, offer=dict(there.offer), **{**(both or {}), **(satellite or {})})
        start: Callable[[JSONObject], HandshakeScript | Declined] = partial(answering.hub, there)
        return meet(asking.satellite(here), start, change)

    def _strangers(self, meeting: Meeting, text: str, role: Role) -> None:
        if self._traits.proves:
            must(role not in meeting.sessions, text)
        must(not meeting.understand(), "two that hold different secrets understand each other")

    def _forges(self, number: int, role: Role) -> None:
        genuine = self._meet()
        self._needs_frames(genuine, number)
        for what, _ in forged(genuine.payloads[number]):
            meeting = self._meet(change=partial(_forgery, number, what), swapped=role is _HUB)
            must(role not in meeting.sessions, f"the {role.value} has a session, though {what} was forged on its way")

    def _garbles(self, number: int) -> None:
        genuine = self._meet()
        self._needs_frames(genuine, number)
        for place in range(len(list(garbled(genuine.payloads[number])))):
            self._meet(change=partial(_garbage, number, place), swapped=number == 0)

    def _finish(self, meeting: Meeting) -> None:
        must(_HUB not in meeting.sessions, "a hub that declined has a session")

    def _opens_nothing(self, session: Session, frames: list[Any]) -> None:
        with refused("a frame of another link", RemoteProtocolError):
            for frame in frames:
                session.open(frame)

    def _needs_frames(self, meeting: Meeting, number: int = 1) -> None:
        if len(meeting.payloads) <= number:
            skip("it does without this frame")

    def _needs_secret(self) -> None:
        if not self._traits.shares_secret:
            skip("its two sides share no secret")

    def _needs_fresh_keys(self) -> None:
        if not self._traits.fresh_keys:
            skip("all of its links have one key")


def _forgery(number: int, what: str, at: int, payload: JSONObject) -> JSONObject:
    return dict(forged(payload)).get(what, payload) if at == number else payload


def _garbage(number: int, place: int, at: int, payload: JSONObject) -> JSONObject:
    if at != number:
        return payload
    variants: Iterator[tuple[str, JSONObject]] = garbled(payload)
    return next((one for index, (_, one) in enumerate(variants) if index == place), {})


def _nothing_from(number: int, at: int, payload: JSONObject) -> JSONObject:
    return payload if at < number else {"envelope": "00" * 40, "noise": {"msg": "00" * 100}}


_QUICK: Mapping[str, type[QuickArgon2id]] = {"ARGON2ID": QuickArgon2id, "PBKDF2": QuickPBKDF2}


class _Crypto:
    """The same, with a quick key derivation."""

    def __init__(self) -> None:
        self.cipher_names = installed_crypto().cipher_names
        self.cipher = installed_crypto().cipher
        self.nonce_size = installed_crypto().nonce_size

    def primitive(self, name: str) -> Any:
        return _QUICK[name]() if name in _QUICK else installed_crypto().primitive(name)


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
