"""Audio and files from the hub: the right callback, in order, and a file name that can do no harm."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from client_kit import SOON, Heard, sync
from hypothesis import given
from hypothesis import strategies as st

from hivemind_sdk import BinaryDataCallbacks, HiveMessage, HiveMessageType
from hivemind_sdk import HiveMindBinaryPayloadType as Sub
from hivemind_sdk.client.binary_data import safe_file_name


class Callbacks(BinaryDataCallbacks):
    def __init__(self):
        self.heard = Heard()

    def handle_receive_tts(self, bin_data, utterance, lang, file_name):
        self.heard(("tts", bin_data, utterance, lang, file_name))

    def handle_receive_file(self, bin_data, file_name):
        self.heard(("file", bin_data, file_name))
        raise OSError("disk full")


def binary(sub, data=b"x", **metadata):
    return HiveMessage(HiveMessageType.BINARY, data, bin_type=sub, metadata=metadata)


def test_each_sub_type_goes_to_its_callback_and_a_failing_one_harms_nobody(hub, connect):
    callbacks = Callbacks()
    client = connect(hub, bin_callbacks=callbacks)
    raw = Heard()
    client.on(HiveMessageType.BINARY, raw)
    peer = hub.wait_for(lambda hub: hub.peers)[0]
    peer.send(binary(Sub.FILE, b"1", file_name="../../etc/passwd"))
    peer.send(binary(Sub.TTS_AUDIO, b"2", utterance="hi", lang="en-us", file_name="a.wav"))
    for sub in (Sub.RAW_AUDIO, Sub.NUMPY_IMAGE, Sub.UNDEFINED):
        peer.send(binary(sub))
    peer.send(binary(Sub.TTS_AUDIO, b"", utterance=7, file_name=None))
    assert callbacks.heard.wait(3) == [
        ("file", b"1", "passwd"),
        ("tts", b"2", "hi", "en-us", "a.wav"),
        ("tts", b"", "", "", "unnamed"),
    ]
    sync(client, peer)
    assert len(raw) == 6


def test_callbacks_are_nobody_elses(hub, connect):
    first, second = (connect(hub, up=False) for _ in range(2))
    assert first.bin_callbacks is not second.bin_callbacks
    assert type(first.bin_callbacks) is BinaryDataCallbacks
    assert first.bin_callbacks.handle_receive_file(b"", "x") is None
    assert first.bin_callbacks.handle_receive_tts(b"", "", "", "x") is None


def test_callbacks_may_be_exchanged_while_the_link_is_up(client, peer):
    client.bin_callbacks = Callbacks()
    peer.send(binary(Sub.FILE, file_name="a"))
    assert client.bin_callbacks.heard.wait(timeout=SOON)


nasty = st.lists(
    st.sampled_from(
        [
            "..",
            "/",
            "\\",
            "C:",
            ":",
            "\0",
            "\n",
            "~",
            "con",
            "NUL.txt",
            "COM¹",
            ".ssh",
            "a",
            " ",
            "é",
            "\u2019",
            "\u202e",
        ]
    )
).map("".join)


@given(st.text() | nasty)
def test_a_file_name_is_one_plain_name_wherever_it_is_used(name):
    safe = safe_file_name(name)
    assert 0 < len(safe) <= 128
    assert safe == safe_file_name(safe)
    assert PurePosixPath(safe).name == PureWindowsPath(safe).name == safe
    assert not PureWindowsPath(safe).drive
    assert not safe.startswith(".")
    assert safe.isprintable()
    assert safe.partition(".")[0].strip().lower() not in {"con", "nul", "aux", "prn", "com1", "com¹", "lpt1"}
    folder = Path("/srv/audio")
    assert (folder / safe).resolve().parent == folder


def test_files_from_a_hub_stay_in_the_folder_that_the_user_has_for_them(client, peer, tmp_path):
    folder, saved = tmp_path / "audio", Heard()
    folder.mkdir()

    class Saving(BinaryDataCallbacks):
        def handle_receive_file(self, bin_data, file_name):
            (folder / file_name).write_bytes(bin_data)
            saved(file_name)

    client.bin_callbacks = Saving()
    names = [
        "../x",
        "/etc/x",
        "..",
        ".",
        "",
        "a/../../x",
        "C:\\x",
        "..\\..\\x",
        "x\0/../y",
        "/",
        "~/x",
        str(tmp_path / "x"),
        "\n",
    ]
    for name in names:
        peer.send(binary(Sub.FILE, b"1", file_name=name))
    saved.wait(len(names))
    inside = {path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"1"}
    assert inside
    assert {path.parent for path in inside} == {folder}


@pytest.mark.parametrize("name", ["a.wav", "my song (1).mp3", "naïve_éè-1.flac", "a" * 100 + ".wav"])
def test_a_harmless_name_stays_as_it_is(name):
    assert safe_file_name(name) == name


def test_a_long_name_keeps_its_ending():
    assert safe_file_name("a" * 500 + ".wav").endswith(".wav")
