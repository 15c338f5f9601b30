"""What a satellite asks of the whole hive: queries, cascades, pings, and messages that only one node can read."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..contracts.cascade import COMPLETE, NO_ANSWER, Answer, Window
from ..errors import IdentityError, RequestAborted, RequestTimeout
from ..messages import BusMessage, HiveMessage, HiveMessageType
from ..threads.pending import Answers, PendingRequests, Request
from .denials import DENIED, denial

if TYPE_CHECKING:
    from .satellite import Satellite

_NOBODY = "nobody up the chain answered; hubs before 4.6 ignore QUERY and CASCADE"


class Query(Iterator[Answer]):
    """The messages of the answer to one query, as they arrive, until the responder has ended.

    Where no answer comes, `hive.query.timeout` is also heard on the local bus, as with the reference client.
    """

    def __init__(self, satellite: Satellite, answers: Answers, query_id: str) -> None:
        self._satellite = satellite
        self._answers = answers
        self.query_id = query_id

    def __next__(self) -> Answer:
        """Raises RequestTimeout (also where the hub says that nobody can answer), RequestAborted, PolicyDenied."""
        try:
            answer: Answer = next(self._answers)
        except (RequestTimeout, RequestAborted):
            data = {"query_id": self.query_id, "error": "no_answer"}
            self._satellite.deliver(BusMessage(NO_ANSWER, data))
            raise
        if answer.message.msg_type == COMPLETE:
            self.close()
            raise StopIteration
        if answer.message.msg_type == NO_ANSWER:
            self.close()
            raise RequestTimeout("nobody up the chain could answer", hint="ask what the hub's agent answers")
        return answer

    def close(self) -> None:
        """The rest is not wanted."""
        self._answers.close()

    def first(self) -> BusMessage:
        """The first message. Raises as `__next__`; RequestTimeout where the answer is empty."""
        try:
            return next(self).message
        except StopIteration:
            raise RequestTimeout("the answer is empty") from None
        finally:
            self.close()


def query(satellite: Satellite, requests: PendingRequests, message: Any, timeout: float) -> Query:
    """QUERY up the chain. See Satellite.query_stream."""
    query_id, answers = _ask(satellite, requests, HiveMessageType.QUERY, message, timeout)
    return Query(satellite, answers, query_id)


class Cascade(Iterator[Answer]):
    """The answers to one cascade, as they arrive; ends at the time-out, or when everyone expected has answered."""

    def __init__(self, answers: Answers, expected: int, as_message: Callable[[BusMessage], Any] | None = None) -> None:
        self._answers = answers
        self._window = Window(expected)
        self._as_message = as_message

    def __next__(self) -> Answer:
        """Raises RequestAborted where the link was lost, PolicyDenied; `by_responder` still has what came before."""
        while not self._window.complete:
            try:
                answer: Answer = next(self._answers)
            except RequestTimeout:
                break
            if self._as_message is not None:
                answer = replace(answer, message=self._as_message(answer.message))
            self._window.add(answer)
            if not answer.is_marker:
                return answer
        self.close()
        raise StopIteration

    def close(self) -> None:
        """The rest is not wanted."""
        self._answers.close()

    @property
    def by_responder(self) -> Mapping[str, list[Any]]:
        """What has been taken so far, by who sent it (a public key or a name, as the hub says)."""
        return self._window.by_responder


def cascade(
    satellite: Satellite,
    requests: PendingRequests,
    message: Any,
    timeout: float,
    expected: int | None,
    as_message: Callable[[BusMessage], Any] | None = None,
) -> Cascade:
    """CASCADE to everybody. See Satellite.cascade. `as_message` makes what `Answer.message` is to be."""
    count = len(satellite.hive_map.nodes) if expected is None else expected
    _, answers = _ask(satellite, requests, HiveMessageType.CASCADE, message, timeout)
    return Cascade(answers, count, as_message)


class Pings(Iterator[HiveMessage]):
    """The PINGs that answer a flood, as they come in, each with the route that it took; ends at the time-out."""

    def __init__(self, answers: Answers, flood_id: str) -> None:
        self._answers = answers
        self.flood_id = flood_id

    def __next__(self) -> HiveMessage:
        """Raises RequestAborted where the link was lost."""
        try:
            message: HiveMessage = next(self._answers)
        except RequestTimeout:
            raise StopIteration from None
        return message

    def close(self) -> None:
        """The rest is not wanted."""
        self._answers.close()


def ping(satellite: Satellite, requests: PendingRequests, timeout: float) -> Pings:
    """Start a flood. See Satellite.ping."""
    flood_id = str(uuid.uuid4())
    satellite.remember_flood(flood_id)
    answers = requests.open(f"ping:{flood_id}").answers(timeout)
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
    """PROPAGATE(INTERCOM) for the owner of this key, signed with ours (wire-v3.md section 7). -> what to send

    The addressee is named inside, too, where the signature covers it: who may read it can't pass it on as written to
    somebody else.
    """
    private_key = satellite.private_key
    if private_key is None:
        raise IdentityError(
            "this node has no RSA keys, and nobody opens an INTERCOM that is not signed",
            hint="`hivemind-client reset-keys` makes them; those whom you write to must trust the public one",
        )
    crypto = satellite.crypto
    inner = satellite.prepare(message).forward(target_pubkey=recipient_pem)
    payload = crypto.primitive("INTERCOM").seal(crypto, recipient_pem, inner.serialize().encode(), private_key)
    sealed = HiveMessage(HiveMessageType.INTERCOM, payload, target_pubkey=recipient_pem)
    return HiveMessage(HiveMessageType.PROPAGATE, sealed)


def _ask(
    satellite: Satellite, requests: PendingRequests, verb: HiveMessageType, message: Any, timeout: float
) -> tuple[str, Answers]:
    """Send a request with an id of its own. -> the id, what comes back. It ends when the hub denies the bus message."""
    query_id = str(uuid.uuid4())
    inner = satellite.prepare(message)
    request = requests.open(f"{verb.value}:{query_id}")
    watch = satellite.on_bus(DENIED, _Denied(request, inner), inline=True)
    answers = request.answers(timeout, _NOBODY, on_end=watch.cancel)
    _send_or_close(satellite, HiveMessage(verb, inner, metadata={"query_id": query_id}), answers)
    return query_id, answers


class _Denied:
    """Ends a request when its bus message is denied. Hubs do not say which request they mean: all of this type end."""

    def __init__(self, request: Request, message: HiveMessage) -> None:
        self._request = request
        self._type = message.payload.msg_type if message.msg_type is HiveMessageType.BUS else None

    def __call__(self, message: BusMessage) -> None:
        if message.data.get("denied_type") == self._type:
            self._request.end(denial(message))


def _send_or_close(satellite: Satellite, message: HiveMessage, answers: Answers) -> None:
    try:
        satellite.send(message)
    except BaseException:
        answers.close()
        raise
