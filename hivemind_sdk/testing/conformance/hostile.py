"""What a hostile peer sends: payloads with every field missing, of another type, or out of all proportion."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from ...errors import HiveMindError
from ...messages import NESTING_TYPES, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType, JSONObject

ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**30,
    0.5,
    "",
    "zz",
    "\ud800",
    "x" * 70_000,
    "00" * 40,
    [],
    ["x", None],
    {},
    {"x": {"y": []}},
)
_T = HiveMessageType


def garbled(payload: JSONObject) -> Iterator[tuple[str, JSONObject]]:
    """What is wrong, and the payload with it: each field in turn, to any depth, is missing or something else."""
    yield "everything missing", {}
    for path in _paths(payload):
        where = ".".join(path)
        yield f"{where} missing", _changed(payload, path, None, remove=True)
        for value in ODD_VALUES:
            yield f"{where} is {value!r:.20}", _changed(payload, path, value)


def forged(payload: JSONObject) -> Iterator[tuple[str, JSONObject]]:
    """The payload with one character of each long text changed: of proofs, keys and ciphertexts."""
    for path in _paths(payload):
        text = _at(payload, path)
        if isinstance(text, str) and len(text) >= 32:
            for place in (0, len(text) // 3, len(text) // 2, len(text) - 1):
                other = "1" if text[place] == "0" else "0"
                yield f"{'.'.join(path)}[{place}]", _changed(payload, path, text[:place] + other + text[place + 1 :])


def hostile_messages(kind: HiveMessageType, count: int, seed: int = 4711) -> list[HiveMessage]:
    """Messages of this type as a hub could send them, the same ones each time; such that the codec lets through."""
    draw = random.Random(f"{kind.value} {seed}")  # noqa: S311  it is to be the same each time
    return [_message(draw, kind, depth=0) for _ in range(count)]


def _message(draw: random.Random, kind: HiveMessageType, depth: int) -> HiveMessage:
    while True:
        metadata = _object(draw) if draw.random() < 0.3 else {}
        if kind is _T.BINARY:
            subtype = draw.choice(list(HiveMindBinaryPayloadType))
            return HiveMessage(kind, draw.randbytes(draw.choice((0, 1, 5000))), bin_type=subtype, metadata=metadata)
        wire = {
            "msg_type": kind.value,
            "payload": _payload(draw, kind, depth),
            "metadata": metadata,
            "route": [_object(draw) for _ in range(draw.choice((0, 0, 1, 3)))],
            **{name: _name(draw) for name in ("node", "source_peer", "target_site_id", "target_pubkey")},
        }
        try:
            return HiveMessage.from_wire(wire)
        except HiveMindError:
            continue  # the codec keeps this one out: another


def _payload(draw: random.Random, kind: HiveMessageType, depth: int) -> Any:
    if kind in NESTING_TYPES:
        inner = draw.choice([one for one in _T if one is not _T.BINARY and (depth < 3 or one not in NESTING_TYPES)])
        return _message(draw, inner, depth + 1).as_dict
    if kind in (_T.BUS, _T.SHARED_BUS):
        return {"type": _name(draw) or "speak", "data": _object(draw), "context": _object(draw)}
    return {**_object(draw), **(_object(draw) if draw.random() < 0.5 else {})}


_KEYS: tuple[str, ...] = (
    "flood_id",
    "peer",
    "site_id",
    "timestamp",
    "public_key",
    "lang",
    "query_id",
    "session",
    "session_id",
    "cmd",
)
_KEYS += ("ciphertext", "tag", "nonce", "encrypted_key", "signature", "utterances", "source", "targets", "responder")


def _object(draw: random.Random) -> JSONObject:
    return {draw.choice(_KEYS): _value(draw) for _ in range(draw.choice((0, 1, 3, 6)))}


def _value(draw: random.Random) -> Any:
    if draw.random() < 0.5:
        return draw.choice(ODD_VALUES)
    return draw.choice(
        (_name(draw), draw.randbytes(24).hex(), 1e300, -5, {"session_id": _name(draw)}, [_name(draw)] * 9)
    )


def _name(draw: random.Random) -> str | None:
    return draw.choice((None, "", "kitchen", "satellite::1", "hub", "speak", "Küche 🐝", "x" * 3000, "a::b::c", "\x00"))


def _paths(value: Any, so_far: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key in value:
        yield (*so_far, key)
        if isinstance(value[key], dict):
            yield from _paths(value[key], (*so_far, key))


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _changed(payload: JSONObject, path: tuple[str, ...], value: Any, *, remove: bool = False) -> JSONObject:
    changed = copy.deepcopy(payload)
    parent = _at(changed, path[:-1])
    if remove:
        del parent[path[-1]]
    else:
        parent[path[-1]] = copy.deepcopy(value)
    return changed
