"""Strategies for everything that the codec carries, and the vectors it is held to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from hivemind_sdk.messages import (
    BUS_TYPES,
    NESTING_TYPES,
    BusMessage,
    HiveMessage,
    HiveMessageType,
    HiveMindBinaryPayloadType,
)

_VECTORS = Path(__file__).parent / "vectors"


def cases(name: str, *areas: str) -> list[dict[str, Any]]:
    found = json.loads((_VECTORS / f"{name}.json").read_text(encoding="utf-8"))["cases"]
    return [case for case in found if not areas or case["area"] in areas]


def frame_of(given: dict[str, Any]) -> bytes:
    if "frame_hex" in given:
        return bytes.fromhex(given["frame_hex"])
    return b"".join(
        (bytes.fromhex(part["hex"]) if "hex" in part else part["text"].encode()) * part.get("times", 1)
        for part in given["frame_parts"]
    )


# half of a surrogate pair can be escaped in JSON, and a quote or a bracket in a string is no structure
texts = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from('"\\[]{} é')), max_size=12)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)
objects = st.dictionaries(texts, json_values, max_size=4)
hops = st.fixed_dictionaries({"source": texts.filter(bool), "targets": st.lists(texts, max_size=2)})
bus_messages = st.builds(BusMessage, texts, objects, objects)
plain_types = sorted(set(HiveMessageType) - BUS_TYPES - NESTING_TYPES - {HiveMessageType.BINARY})

_fields: dict[str, st.SearchStrategy[Any]] = {
    "metadata": objects,
    "route": st.lists(hops, max_size=2),
    "node": st.none() | texts,
    "source_peer": st.none() | texts,
    "target_site_id": st.none() | texts,
    "target_pubkey": st.none() | texts,
}
_plain = st.builds(HiveMessage, st.sampled_from(plain_types), objects, **_fields)
_bus = st.builds(HiveMessage, st.sampled_from(sorted(BUS_TYPES)), bus_messages, **_fields)
_raw_bus = st.builds(
    HiveMessage,
    st.sampled_from(sorted(BUS_TYPES)),
    st.fixed_dictionaries({"type": texts}, optional={"data": objects, "context": objects, "more": json_values}),
    **_fields,
)
text_messages = st.recursive(
    st.one_of(_plain, _bus, _raw_bus),
    lambda inner: st.builds(HiveMessage, st.sampled_from(sorted(NESTING_TYPES)), inner, **_fields),
    max_leaves=3,
)
binary_messages = st.builds(
    HiveMessage,
    st.just(HiveMessageType.BINARY),
    st.binary(max_size=60),
    bin_type=st.sampled_from(HiveMindBinaryPayloadType),
    metadata=objects,
)
messages = st.one_of(text_messages, binary_messages)
