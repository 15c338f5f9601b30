"""Kind `envelope_json`: messages built, serialised, received, parsed, and given hops.

The expectation is the recorded result of generation 1.2, or of 0.8 where both are the same. What the SDK does otherwise
on purpose is in ON_PURPOSE, with the reason and with what is expected instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hivemind_sdk.engine.codec import decode_text
from hivemind_sdk.messages import NESTING_TYPES, BusMessage, HiveMessage, HiveMessageType, JSONObject
from hivemind_sdk.messages.strict_json import loads
from hivemind_sdk.settings import Limits

from .case import Case
from .fields import CaseProblem, Fields, canonical
from .outcome import outcome

ENVELOPE_KEYS = (
    "msg_type",
    "payload",
    "metadata",
    "route",
    "node",
    "target_site_id",
    "target_pubkey",
    "source_peer",
)

Result = JSONObject | list[Any]


def run(case: Case) -> None:
    """Run one operation and compare its whole result."""
    operation = case.fields.text("op")
    perform = OPERATIONS.get(operation)
    if perform is None:
        raise CaseProblem(f"unknown operation {operation!r}")
    given = case.fields.part("input")
    got = _attempt(lambda: perform(given))
    expected = _recorded(case.fields)
    for difference in ON_PURPOSE:
        ours = difference.expected(given, expected, case.fields) if difference.operation == operation else None
        if ours is not None:
            expected = ours
            case.on_purpose.append(difference.reason)
    _compare(case, expected, got)


def _attempt(action: Callable[[], Result]) -> JSONObject:
    result, error = outcome(action)
    return {"error": type(error).__name__} if error else {"result": result}


def _recorded(fields: Fields) -> JSONObject:
    new = fields.take("gen_1_2")
    recorded = fields.take("gen_0_8") if canonical(new) == canonical({"same": True}) else new
    if not isinstance(recorded, dict) or not ({"error"} == set(recorded) or {"result"} == set(recorded)):
        raise CaseProblem("gen_1_2 has neither a result, nor an error, nor says that it is the same")
    return recorded


def _compare(case: Case, expected: JSONObject, got: JSONObject) -> None:
    if "error" in expected or "error" in got:
        # the class is the reference's own, and informative
        case.same("outcome", sorted(expected), sorted(got))
        return
    wanted, found = expected["result"], got["result"]
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted(set(wanted) | set(found)):
            case.same(key, wanted.get(key, "(absent)"), found.get(key, "(absent)"))
    else:
        case.same("result", wanted, found)


# --- operations -------------------------------------------------------------------------------------------------


def _construct(given: Fields) -> HiveMessage:
    arguments = dict(given.take("kwargs"))
    if "payload_hex" in given:
        arguments["payload"] = given.hex("payload_hex")
    else:
        arguments["payload"] = in_form(given.text("payload_form"), arguments.get("payload"))
    return HiveMessage(**arguments)


def in_form(form: str, value: Any) -> Any:
    """The payload as the object that a caller would pass."""
    if form not in PAYLOAD_FORMS:
        raise CaseProblem(f"unknown payload_form {form!r}")
    return PAYLOAD_FORMS[form](value)


def _construct_and_serialize(given: Fields) -> Result:
    message = _construct(given)
    return {
        "json_text": message.serialize(),
        "object": message.as_dict,
        "payload_view": _view(message),
        "target_peers_view": message.target_peers,
        "route_view": message.route,
    }


def _construct_only(given: Fields) -> Result:
    return _kind_of(_construct(given).payload)


def _receive(given: Fields) -> Result:
    message = decode_text(given.text("text"), Limits())
    return {**message.as_dict, "payload_view": _view(message)}


def _deserialize(given: Fields) -> Result:
    return HiveMessage.deserialize(given.text("text")).as_dict


def _hops(given: Fields) -> Result:
    message = HiveMessage(HiveMessageType.PING)
    routes = []
    for step in given.take("steps"):
        for clause in step.split(", "):
            _hop_step(message, clause)
        routes.append(list(message.route))  # the hops themselves: the recording shares them, too
    return routes


def _hop_step(message: HiveMessage, clause: str) -> None:
    for pattern, act in HOP_STEPS:
        match = re.fullmatch(pattern, clause)
        if match:
            act(message, *match.groups())
            return
    raise CaseProblem(f"unknown step {clause!r}")


def _view(message: HiveMessage) -> JSONObject:
    view, error = outcome(lambda: message.payload)
    return {"error": type(error).__name__} if error else _kind_of(view)


def _kind_of(view: Any) -> JSONObject:
    if isinstance(view, bytes):
        return {"kind": "bytes", "hex": view.hex()}
    if isinstance(view, BusMessage):
        return {"kind": "bus_message", "value": view.as_dict}
    if isinstance(view, HiveMessage):
        return {"kind": "hive_message", "value": view.as_dict}
    return {"kind": "dict", "value": view}


PAYLOAD_FORMS: dict[str, Callable[[Any], Any]] = {
    "dict": lambda value: value,
    "object": lambda value: value,
    "text": lambda value: value,
    "bus_message": lambda value: BusMessage(value["type"], value["data"], value["context"]),
    "hive_message": HiveMessage.from_wire,
}
OPERATIONS: dict[str, Callable[[Fields], Result]] = {
    "construct+serialize": _construct_and_serialize,
    "construct": _construct_only,
    "client receive": _receive,
    "deserialize": _deserialize,
    "update_hop_data sequence": _hops,
}
HOP_STEPS: tuple[tuple[str, Callable[..., Any]], ...] = (
    (r"source=(.+)", HiveMessage.update_source_peer),
    (r"add target (.+)", HiveMessage.add_target_peer),
    (r"remove target (.+)", HiveMessage.remove_target_peer),
    (r"update(?: again)?", HiveMessage.update_hop_data),
    (r"update with data \{(\w+):(.+)\}", lambda message, key, text: message.update_hop_data({key: loads(text)})),
)


# --- where we differ --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """`expected(input, recorded, fields)` gives our expectation where this concerns the case, else None."""

    operation: str
    reason: str
    expected: Callable[[Fields, JSONObject, Fields], JSONObject | None]


def _wrapped(given: Fields, recorded: JSONObject, _: Fields) -> JSONObject | None:
    kwargs = given.take("kwargs")
    bare = given.get("payload_form") == "bus_message"
    if not bare or "error" not in recorded or kwargs.get("msg_type") not in NESTING_TYPES:
        return None
    inner = {
        **dict.fromkeys(ENVELOPE_KEYS),
        "msg_type": "bus",
        "payload": kwargs["payload"],
        "metadata": {},
        "route": [],
    }
    return _attempt(lambda: _construct_and_serialize(_nested(kwargs, inner)))


def _nested(kwargs: JSONObject, inner: JSONObject) -> Fields:
    return Fields({"kwargs": {**kwargs, "payload": inner}, "payload_form": "hive_message"})


def _kept_type(given: Fields, recorded: JSONObject, fields: Fields) -> JSONObject | None:
    old: JSONObject = fields.take("gen_0_8")
    return old if given.take("kwargs").get("msg_type") == "3rdparty" and "error" in recorded else None


def _ignored_keys(given: Fields, recorded: JSONObject, _: Fields) -> JSONObject | None:
    value, _error = outcome(lambda: loads(given.text("text")))
    known = _known(value)
    if "error" not in recorded or known == value:
        return None
    without = _attempt(lambda: _receive(Fields({"text": canonical(known)})))
    return without if "result" in without else None


def _known(value: Any) -> Any:
    """The message without the keys that no message has, at every level."""
    if not isinstance(value, dict):
        return value
    known = {key: value[key] for key in ENVELOPE_KEYS if key in value}
    return known | {"payload": _known(known.get("payload"))} if value.get("msg_type") in NESTING_TYPES else known


def _whole_inner(_: Fields, recorded: JSONObject, __: Fields) -> JSONObject | None:
    result = recorded.get("result")
    if not isinstance(result, dict) or result.get("msg_type") not in NESTING_TYPES:
        return None
    whole = {**result, "payload": _filled(result["payload"])}
    return {"result": whole} if whole != result else None


def _filled(inner: JSONObject) -> JSONObject:
    """An inner message with all of its keys, at every level."""
    filled = {**dict.fromkeys(ENVELOPE_KEYS), "payload": {}, "metadata": {}, "route": [], **inner}
    nested = filled["msg_type"] in NESTING_TYPES
    return {**filled, "payload": _filled(filled["payload"])} if nested else filled


def _kept_origin(given: Fields, recorded: JSONObject, _: Fields) -> JSONObject | None:
    value, _error = outcome(lambda: loads(given.text("text")))
    result = recorded.get("result")
    if not isinstance(result, dict) or not isinstance(value, dict) or "msg_type" not in value:
        return None
    kept = {
        key: value[key]
        for key in ("node", "source_peer")
        if value.get(key) is not None and result.get(key, "absent") is None
    }
    return {"result": {**result, **kept}} if kept else None


ON_PURPOSE = (
    Difference(
        "construct+serialize",
        "a routing verb around a bare bus message is wrapped for the caller (defects.md D-09)",
        _wrapped,
    ),
    Difference(
        "construct+serialize",
        "THIRDPRTY stays, because 0.8 peers send it: the expectation is 0.8's (wire.md section 3.6)",
        _kept_type,
    ),
    Difference(
        "client receive",
        "unknown keys of a received message are ignored (wire.md section 3.1, defects.md D-57)",
        _ignored_keys,
    ),
    Difference(
        "client receive", "an inner message is shown with all of its eight keys (wire.md section 3.1)", _whole_inner
    ),
    Difference("deserialize", "deserialize() keeps node and source_peer (defects.md D-44)", _kept_origin),
)
