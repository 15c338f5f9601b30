"""Those who do not hold the secret, and those in between: nobody of them gets a session, or breaks one side."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from ....contracts import Declined, Form, Role, Session
from ....errors import RemoteProtocolError
from ....messages import JSONObject
from ..contract import check, skip
from ..exchange import Meeting, meet
from ..expect import must, ours_alone, refused
from ..hostile import forged, garbled
from .meetings import HUB, SATELLITE, Meetings


class Strangers(Meetings):
    """Checks of handshakes that somebody disturbs."""

    @check
    def test_a_hub_with_another_secret_is_not_believed(self) -> None:
        self._needs_secret()
        meeting = self._meet(hub={"credentials": self._held(self.wrong_credentials)})
        self._strangers(meeting, "the satellite has a session with a hub that holds another secret", SATELLITE)

    @check
    def test_a_satellite_with_another_secret_is_not_believed(self) -> None:
        self._needs_secret()
        meeting = self._meet(swapped=True, satellite={"credentials": self._held(self.wrong_credentials)})
        self._strangers(meeting, "the hub has a session with a satellite that holds another secret", HUB)

    @check
    def test_a_forged_answer_of_the_hub_is_refused(self) -> None:
        self._forges(1, SATELLITE)

    @check
    def test_a_forged_last_word_of_the_satellite_is_refused(self) -> None:
        self._forges(2, HUB)

    @check
    def test_our_own_payload_sent_back_is_refused(self) -> None:
        sent: list[JSONObject] = []

        def reflect(number: int, payload: JSONObject) -> JSONObject:
            sent.append(payload)
            return sent[0] if number == 1 else payload

        meeting = self._meet(change=reflect)
        self._needs_frames(meeting)
        must(SATELLITE not in meeting.sessions, "the satellite takes its own payload for the hub's answer")

    @check
    def test_an_answer_played_back_opens_nothing(self) -> None:
        if self._traits.replayable:
            skip("its protocol can't tell an answer that is played back")
        self._needs_fresh_keys()
        before = self._meet()
        self._needs_frames(before)
        recorded = before.payloads[1]
        meeting = self._meet(change=lambda number, payload: recorded if number == 1 else payload)
        fooled = meeting.sessions.get(SATELLITE)
        if fooled is not None:
            self._opens_nothing(fooled, before.session(HUB).seal(Form.TEXT, b"{}"))

    @check
    def test_two_links_have_two_keys(self) -> None:
        self._needs_fresh_keys()
        one, other = self._meet(), self._meet()
        self._opens_nothing(other.session(HUB), one.session(SATELLITE).seal(Form.TEXT, b"{}"))
        self._opens_nothing(other.session(SATELLITE), one.session(HUB).seal(Form.TEXT, b"{}"))

    @check
    def test_garbled_answers_give_only_our_own_errors_at_the_satellite(self) -> None:
        self._garbles(1)

    @check
    def test_garbled_payloads_give_only_our_own_errors_at_the_hub(self) -> None:
        self._garbles(0)

    @check
    def test_a_link_that_ends_in_the_middle_is_no_other_error(self) -> None:
        with ours_alone("a link that ends before the hub has answered"):
            script = self.handshake().satellite(self._context(SATELLITE, offer=self._hub_context().offer))
            must(not isinstance(script, Declined), "it declines its own offer")
            self._finish(meet(script, lambda _first: Declined("the link ends")))

    def _strangers(self, meeting: Meeting, text: str, role: Role) -> None:
        if self._traits.proves:
            must(role not in meeting.sessions, text)
        must(not meeting.understand(), "two that hold different secrets understand each other")

    def _forges(self, number: int, role: Role) -> None:
        genuine = self._meet()
        self._needs_frames(genuine, number)
        for what, _ in forged(genuine.payloads[number]):
            meeting = self._meet(change=partial(_forgery, number, what), swapped=role is HUB)
            must(role not in meeting.sessions, f"the {role.value} has a session, though {what} was forged on its way")

    def _garbles(self, number: int) -> None:
        genuine = self._meet()
        self._needs_frames(genuine, number)
        for place in range(len(list(garbled(genuine.payloads[number])))):
            self._meet(change=partial(_garbage, number, place), swapped=number == 0)

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
