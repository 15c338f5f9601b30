"""What a satellite asks of the whole hive: queries, cascades, pings, and messages that only one node can read."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .cascade import Answer
from .errors import RequestTimeout
from .messages import BusMessage, HiveMessage, HiveMessageType
from .outgoing import as_hive_message
from .requests import Answers, Requests

if TYPE_CHECKING:
    from .satellite import Satellite


def query(satellite: Satellite, requests: Requests, message: Any, timeout: float) -> Answers:
    """QUERY up the chain. -> Answer after Answer, until the responder has ended. See Satellite.query_stream."""
    query_id = str(uuid.uuid4())
    request = requests.open(f"query:{query_id}")
    answers = request.answers(timeout, "nobody up the chain answered; hubs before 4.6 ignore QUERY")
    _send(satellite, HiveMessageType.QUERY, message, query_id, answers)
    return answers


def first(answers: Answers) -> BusMessage:
    """The first message of an answer. Raises RequestTimeout where nobody could answer."""
    try:
        for answer in answers:
            if answer is not None and not answer.ends_stream:
                message: BusMessage = answer.message
                return message
        raise RequestTimeout("nobody could answer", hint="ask a hub whose agent knows the answer")
    finally:
        answers.close()


class Cascade(Iterator[Answer]):
    """The answers to one cascade, as they arrive. Ends at the time-out, or when everyone expected has answered."""

    def __init__(self, answers: Answers, expected: int) -> None:
        self._answers = answers
        self._expected = expected
        self._ended: set[str] = set()
        self._grouped: dict[str, list[BusMessage]] = {}

    def __next__(self) -> Answer:
        """Raises RequestAborted where the link was lost."""
        while not (self._expected and len(self._ended) >= self._expected):
            try:
                answer: Answer = next(self._answers)
            except RequestTimeout:
                break
            if answer.ends_stream:
                self._ended.add(answer.responder)
                continue
            self._grouped.setdefault(answer.responder, []).append(answer.message)
            return answer
        self._answers.close()
        raise StopIteration

    @property
    def by_responder(self) -> Mapping[str, list[BusMessage]]:
        """What has arrived so far, by who sent it."""
        return self._grouped


def cascade(satellite: Satellite, requests: Requests, message: Any, timeout: float, expected: int | None) -> Cascade:
    """CASCADE to everybody. See Satellite.cascade."""
    query_id = str(uuid.uuid4())
    request = requests.open(f"cascade:{query_id}")
    answers = request.answers(timeout)
    count = len(satellite.hive_map.nodes) if expected is None else expected
    _send(satellite, HiveMessageType.CASCADE, message, query_id, answers)
    return Cascade(answers, count)


class Pings(Iterator[HiveMessage]):
    """The PINGs that answer a flood, as they come in, each with the route that it took; ends at the time-out."""

    def __init__(self, answers: Answers, flood_id: str) -> None:
        self._answers = answers
        self.flood_id = flood_id

    def __next__(self) -> HiveMessage:
        try:
            message: HiveMessage = next(self._answers)
        except RequestTimeout:
            raise StopIteration from None
        return message


def ping(satellite: Satellite, requests: Requests, timeout: float) -> Pings:
    """Start a flood. See Satellite.ping."""
    flood_id = str(uuid.uuid4())
    satellite.remember_flood(flood_id)
    request = requests.open(f"ping:{flood_id}")
    answers = request.answers(timeout)
    satellite.hive_map.start_ping(flood_id, time.monotonic())
    payload = {
        "flood_id": flood_id,
        "peer": satellite.peer,
        "site_id": satellite.site_id,
        "timestamp": time.time(),
        "public_key": satellite.public_key,
    }
    flood = HiveMessage(HiveMessageType.PROPAGATE, HiveMessage(HiveMessageType.PING, payload))
    _send_or_close(satellite, flood, answers)
    return Pings(answers, flood_id)


def intercom(satellite: Satellite, message: Any, recipient_pem: str) -> HiveMessage:
    """PROPAGATE(INTERCOM) for the owner of this key, signed with ours (wire-v3.md section 7). -> what to send"""
    inner = satellite.prepare(as_hive_message(message))
    crypto = satellite.crypto
    payload = crypto.primitive("INTERCOM").seal(
        crypto, recipient_pem, inner.serialize().encode(), satellite.private_key
    )
    sealed = HiveMessage(HiveMessageType.INTERCOM, payload, target_pubkey=recipient_pem)
    return HiveMessage(HiveMessageType.PROPAGATE, sealed)


def _send(satellite: Satellite, verb: HiveMessageType, message: Any, query_id: str, answers: Answers) -> None:
    inner = satellite.prepare(as_hive_message(message))
    _send_or_close(satellite, HiveMessage(verb, inner, metadata={"query_id": query_id}), answers)


def _send_or_close(satellite: Satellite, message: HiveMessage, answers: Answers) -> None:
    try:
        satellite.send(message)
    except BaseException:
        answers.close()
        raise
