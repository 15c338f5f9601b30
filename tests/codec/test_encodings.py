from __future__ import annotations

import contextlib

import pytest
from codec_kit import cases
from hypothesis import example, given
from hypothesis import strategies as st

from hivemind_sdk.engine.codec import ENCODINGS, get_encoding
from hivemind_sdk.errors import InvalidEncoding, MalformedFrame

B91 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&()*+,./:;<=>?@[]^_`{|}~"'
Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
every_encoding = pytest.mark.parametrize("name", ENCODINGS)


def test_there_are_the_seven_of_the_protocol_and_no_other():
    assert set(ENCODINGS) == {
        "JSON-B91", "JSON-Z85B", "JSON-Z85P", "JSON-B64", "JSON-URLSAFE-B64", "JSON-B32", "JSON-HEX",
    }  # fmt: skip
    assert all(get_encoding(name).name == name for name in ENCODINGS)
    for name in ("JSON-B65", "", None, ["JSON-B64"]):
        with pytest.raises(InvalidEncoding):
            get_encoding(name)


@every_encoding
@pytest.mark.parametrize("case", cases("encodings"), ids=lambda case: case["id"])
def test_vectors_both_ways(name, case):
    data, text = bytes.fromhex(case["bytes_hex"]), case["encoded"][name]
    assert ENCODINGS[name].encode(data) == text
    assert ENCODINGS[name].decode(text) == data
    assert text.encode().hex() == case["encoded_utf8_hex"][name]


@pytest.mark.parametrize("case", cases("negative", "encoding"), ids=lambda case: case["id"])
def test_hostile_text_is_refused(case):
    encoding, text, expect = get_encoding(case["input"]["encoding"]), case["input"]["text"], case["expect"]
    if expect["verdict"] == "reject":
        with pytest.raises(MalformedFrame):
            encoding.decode(text)
    elif expect["verdict"] == "accept":
        assert encoding.decode(text).hex() == expect["value_hex"]
    else:
        assert encoding.encode(encoding.decode(text)).rstrip("=") == text


@every_encoding
@given(st.binary(max_size=300))
def test_what_goes_in_comes_out_as_printable_ascii(name, data):
    text = ENCODINGS[name].encode(data)
    assert ENCODINGS[name].decode(text) == data
    assert text.isascii()
    assert text[name == "JSON-Z85P" :].isprintable()


@every_encoding
@pytest.mark.parametrize("size", [4095, 4096, 4097, 5119, 5120, 5121, 8192, 13000, 20480, 40961])
@pytest.mark.parametrize("fill", [b"\0", b"\xff", bytes(range(256))])
def test_blocks_fit_together(name, size, fill):
    data = (fill * size)[:size]
    assert ENCODINGS[name].decode(ENCODINGS[name].encode(data)) == data


_alphabets = {
    "JSON-B91": B91,
    "JSON-Z85B": Z85,
    "JSON-Z85P": Z85,
    "JSON-B64": "ABab01+/=",
    "JSON-URLSAFE-B64": "ABab01-_=",
    "JSON-B32": "ABYZ2367=",
    "JSON-HEX": "09afAF",
}


@every_encoding
@given(data=st.data())
def test_for_any_text_the_decoder_refuses_or_an_encoder_wrote_it(name, data):
    encoding = ENCODINGS[name]
    letters = st.text(_alphabets[name] + data.draw(st.sampled_from(["", " \n!é\0_\ud800"])), max_size=12)
    text = data.draw(letters.map(lambda tail: "\0" + tail) if name == "JSON-Z85P" else letters)
    try:
        decoded = encoding.decode(text)
    except MalformedFrame as error:
        assert not error.__cause__
        return
    written = encoding.encode(decoded)
    assert written == text or (
        (name == "JSON-HEX" and written == text.lower())
        or (name == "JSON-URLSAFE-B64" and "=" not in text and written.rstrip("=") == text)
    )


@every_encoding
@given(data=st.binary(min_size=1, max_size=40), where=st.integers(0, 60), letter=st.characters())
def test_a_changed_character_never_gives_the_same_bytes(name, data, where, letter):
    text = ENCODINGS[name].encode(data)
    where %= len(text)
    changed = text[:where] + letter + text[where + 1 :]
    if changed == text or (name == "JSON-HEX" and changed.lower() == text):
        return
    with contextlib.suppress(MalformedFrame):
        assert ENCODINGS[name].decode(changed) != data


def _base91(data: bytes) -> str:
    """Section 6.4 of wire.md, word for word."""
    a, n, out = 0, 0, ""
    for byte in data:
        a |= byte << n
        n += 8
        if n > 13:
            v = a & 8191
            size = 13
            if v <= 88:
                v, size = a & 16383, 14
            a >>= size
            n -= size
            out += B91[v % 91] + B91[v // 91]
    if n > 0:
        out += B91[a % 91]
        if n > 7 or a > 90:
            out += B91[a // 91]
    return out


def _z85(data: bytes, order: str) -> str:
    p = -len(data) % 4
    out = ""
    for at in range(0, len(data), 4):
        v = int.from_bytes((data + bytes(p))[at : at + 4], order)  # type: ignore[arg-type]
        digits = "".join(Z85[v // 85**k % 85] for k in range(5))
        out += digits if order == "little" else digits[::-1]
    if order == "big":
        return chr(p) + out
    return out[: len(out) - p]


@given(st.one_of(st.binary(max_size=200), st.lists(st.sampled_from([0, 1, 88, 89, 255]), max_size=200).map(bytes)))
@example(b"")
def test_encoders_agree_with_the_words_of_the_protocol(data):
    assert ENCODINGS["JSON-B91"].encode(data) == _base91(data)
    assert ENCODINGS["JSON-Z85B"].encode(data) == _z85(data, "little")
    assert ENCODINGS["JSON-Z85P"].encode(data) == _z85(data, "big")
