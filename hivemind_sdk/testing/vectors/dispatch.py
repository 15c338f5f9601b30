"""A satellite without a link: a text frame in, what reaches the local bus and what is sent in answer out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hivemind_sdk.contracts import Deliver, HandlerContext, Role, Run, SendMessage
from hivemind_sdk.contracts.cascade import Question
from hivemind_sdk.engine.codec import decode_text
from hivemind_sdk.engine.dispatch import Dispatcher, Outcome, WakeRequest
from hivemind_sdk.errors import RemoteProtocolError
from hivemind_sdk.messages import BusMessage, JSONObject
from hivemind_sdk.messages.strict_json import dumps
from hivemind_sdk.settings import Limits

from .case import Case
from .fields import Fields

SENDER = "alice"
"""the key pair that the satellite of the area `dispatch` trusts; carol's it does not"""


@dataclass
class Effects:
    """What a frame led to, all waiting and selecting included."""

    injected: list[BusMessage] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)


def perform(case: Case, given: Fields) -> Effects:
    """Area `dispatch` of negative.json."""
    own = case.key(given.text("own_key"))
    trusted = {SENDER: case.key(SENDER).text("public_pem")}
    return receive(case, given.take("frame"), given.text("site_id"), own, trusted)


def judge(case: Case, expect: Fields, effects: Effects) -> None:
    """Compare with `expect` of the area `dispatch`."""
    case.same("expect.inject", expect.take("inject"), len(effects.injected))
    case.same("expect.send", expect.take("send"), effects.sent)


def receive(case: Case, frame: JSONObject, site_id: str, own: Fields, trusted: Mapping[str, str]) -> Effects:
    """What the built-in handlers make of a message that arrives. Windows elapse at once. Raises what a handler does."""
    context = HandlerContext(
        now=0.0,
        role=Role.SATELLITE,
        site_id=site_id,
        peer="vectors::session",
        session_id="session",
        hub_id="hub",
        public_key=own.text("public_pem"),
        private_key=own.text("private_pem"),
        trusted_keys=trusted,
        crypto=case.engine.crypto,
        question=lambda _verb, query_id: Question(query_id or "q"),  # it has asked whatever is answered
    )
    dispatcher, effects = Dispatcher(case.engine.handlers(), Limits().redispatch, _raise), Effects()
    try:
        pending = dispatcher.dispatch(decode_text(dumps(frame), Limits()), context)
    except RemoteProtocolError:  # dropped before any handler sees it
        return effects
    while pending:
        outcome = pending.pop(0)
        effect: Effect = _EFFECTS.get(type(outcome), _nothing)
        pending += effect(outcome, effects, dispatcher, context)
    return effects


def _raise(_name: str, error: BaseException) -> None:
    raise error


Effect = Callable[[Any, Effects, Dispatcher, HandlerContext], list[Outcome]]


def _nothing(*_: Any) -> list[Outcome]:
    return []


def _deliver(action: Deliver, effects: Effects, *_: Any) -> list[Outcome]:
    effects.injected.append(action.message)
    return []


def _send(action: SendMessage, effects: Effects, *_: Any) -> list[Outcome]:
    effects.sent.append(action.message.msg_type.value)
    return []


def _run(action: Run, *_: Any) -> list[Outcome]:
    return list(action.work())


def _wake(request: WakeRequest, _effects: Effects, dispatcher: Dispatcher, context: HandlerContext) -> list[Outcome]:
    return dispatcher.wake(request, context)


_EFFECTS: Mapping[type, Effect] = {Deliver: _deliver, SendMessage: _send, Run: _run, WakeRequest: _wake}
