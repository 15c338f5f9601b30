"""The session that a handshake hands over: what it seals opens, what was altered does not, and it shows no secret."""

from __future__ import annotations

from functools import partial

from ....contracts import Form
from ....errors import DecryptionError, MalformedFrame, RemoteProtocolError
from ....messages import JSONObject
from ..contract import check
from ..expect import hides, must, refused, told
from ..primitives import sample_keys
from .meetings import Meetings

_TEXTS = (
    (Form.TEXT, b"{}"),
    (Form.BINARY, b"\x00\xff"),
    (Form.TEXT, "grüß".encode()),
    (Form.BINARY, b"x" * 200_000),
)


class Sessions(Meetings):
    """Checks of contracts.Session."""

    @check
    def test_what_one_side_seals_the_other_opens(self) -> None:
        pair = self._meet().pair()
        for sender, receiver in (pair, pair[::-1], pair, pair):
            for form, text in _TEXTS:
                opened = [receiver.open(frame) for frame in sender.seal(form, text)]
                must(opened[-1] == (form, text), f"{len(text)} bytes of {form.name} do not come back")
                must(not any(opened[:-1]), "a part of a message is handed out")

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


def _nothing_from(number: int, at: int, payload: JSONObject) -> JSONObject:
    return payload if at < number else {"envelope": "00" * 40, "noise": {"msg": "00" * 100}}
