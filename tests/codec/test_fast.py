"""The providers of `[fast]` beside the strict reader and zlib. `tox -e fast` runs all tests with both installed."""

from __future__ import annotations

import json
import struct
import zlib

import pytest
from codec_kit import json_values
from hypothesis import given
from hypothesis import strategies as st

from hivemind_sdk import BusMessage, HiveMessage
from hivemind_sdk.engine.codec import Codec, ProvidedCodec, decode_binary, decode_text, encode_binary
from hivemind_sdk.errors import HiveMindError
from hivemind_sdk.settings import Limits
from hivemind_sdk.testing.conformance import DeflateContract, JSONTextContract

LIMITS = Limits()


class TestOrjson(JSONTextContract):
    def json(self):
        pytest.importorskip("orjson")
        from hivemind_fast.orjson_text import OrjsonText

        return OrjsonText()


class TestIsal(DeflateContract):
    def deflate(self):
        pytest.importorskip("isal")
        from hivemind_fast.isal_deflate import IsalDeflate

        return IsalDeflate()


numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]),
    st.sampled_from([float("nan"), float("inf"), -0.0, 2**63, 2**64, -(2**63) - 1]),
)
values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), numbers, st.text(), st.text(st.characters(categories=["Cs"]), max_size=2), st.binary()
    ),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
)
texts = st.one_of(
    st.binary(),
    st.text('[]{}",:\\ 0123456789.eE+-nulltrefasud8c\n').map(str.encode),
    json_values.map(lambda value: json.dumps(value).encode()),
    numbers.map(lambda value: json.dumps([value]).encode()),
    st.integers(0, 10**40).map(lambda value: f'{{"a": {value}.{value}e{value % 400}}}'.encode()),
)


@given(texts)
def test_orjson_reads_any_text_as_the_strict_reader_or_leaves_it(data):
    TestOrjson().agrees_on_text(data)


@given(values)
def test_orjson_writes_any_value_as_the_strict_writer_or_leaves_it(value):
    TestOrjson().agrees_on_value(value)


@given(st.binary(max_size=300), st.integers(-1, 9), st.binary(max_size=3), st.integers(0, 40), st.integers(0, 310))
def test_isal_inflates_any_block_as_zlib_or_leaves_it(data, level, more, place, limit):
    block = bytearray(zlib.compress(data, level) + more)
    if place < len(block) and place:
        block[place] ^= 1 << place % 8
    TestIsal().agrees_on_block(bytes(block), limit)
    assert zlib.decompress(TestIsal().deflate().compress(data)) == data


class Unsure:
    """A provider that is sure about nothing."""

    def write(self, value):
        raise TypeError

    def read(self, data):
        raise ValueError

    def compress(self, data):
        raise ValueError

    def decompress(self, data, limit):
        raise ValueError


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, "\ud800", 2**80])
def test_what_a_provider_leaves_is_decided_by_the_strict_ones(value):
    codec, strict = ProvidedCodec(Unsure(), Unsure()), Codec()
    message = HiveMessage("bus", BusMessage("speak", {"value": value}))

    def outcome(run):
        try:
            return run()
        except HiveMindError as error:
            return str(error)

    assert outcome(lambda: codec.text(message)) == outcome(lambda: strict.text(message))
    for compress in (True, False, None):
        made = [
            outcome(lambda one=one, c=compress: encode_binary(message, compress=c, codec=one))
            for one in (codec, strict)
        ]
        assert made[0] == made[1]
        if isinstance(made[0], bytes):
            assert decode_binary(made[0], LIMITS, codec) == decode_binary(made[0], LIMITS, strict)
    for text in (b'{"msg_type": "bus"', b"[NaN]", b"[" * 100 + b"]" * 100):
        assert outcome(lambda text=text: decode_text(text, LIMITS, codec)) == outcome(
            lambda text=text: decode_text(text, LIMITS, strict)
        )


def test_bounds_hold_for_every_provider():
    class Anything(Unsure):
        def read(self, data):
            return json.loads(data)

    deep = b'{"msg_type": "bus", "payload": {"type": "a", "data": {"a": ' + b"[" * 70 + b"]" * 70 + b"}}}"
    with pytest.raises(HiveMindError, match="nested"):
        decode_text(deep, LIMITS, ProvidedCodec(Anything(), None))
    many = b'{"msg_type": "bus", "payload": {"type": "a", "data": {"a": [' + b"1," * 300_000 + b"1]}}}"
    with pytest.raises(HiveMindError, match="values"):
        decode_text(many, LIMITS, ProvidedCodec(Anything(), None))
