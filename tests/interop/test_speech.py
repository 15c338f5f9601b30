"""Speech round trips with a real hivemind-core and a real hivemind-audio-binary-protocol, on both faces."""

from __future__ import annotations

import asyncio
import io
import wave

import pytest
from interop.satellites import satellite, settings_for
from interop.servers import ALLOWED, Client

from hivemind_sdk import AsyncSatellite
from hivemind_sdk.testing import MemoryState

SECOND = b"\x10\x20" * 16_000
TYPES = (*ALLOWED, "speak:b64_audio", "recognizer_loop:b64_transcribe")
LONG_TEXT = "a long text " * 40


@pytest.fixture
def hub(start_hub):
    return start_hub("5.3.10a1", speech=True, clients=(Client(allowed_types=TYPES),))


def said(replies):
    return [reply.data["utterance"] for reply in replies]


def length(speech):
    with wave.open(io.BytesIO(speech.audio)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (16_000, 2, 1)
        return file.getnframes() / 160


def test_speech_goes_up_and_comes_down(hub):
    with satellite(hub) as (one, heard):
        assert one.transcribe(SECOND) == [("1 seconds", pytest.approx(0.9))]
        assert one.transcribe(bytes(32_000)) == []
        assert said(one.ask("text")) == ["echo: text"]
        for binary in (True, False):
            assert said(one.handle_audio(SECOND * 2, binary=binary)) == ["echo: 2 seconds"]
        assert list(one.handle_audio(bytes(32_000))) == []
        assert said(one.ask("after")) == ["echo: after"]
        assert length(one.synthesize("hello")) == len("hello")
        assert length(one.synthesize(LONG_TEXT)) == pytest.approx(len(LONG_TEXT), abs=2)
        assert heard.drops == []


def test_the_same_on_asyncio(hub):
    async def talk():
        one = AsyncSatellite(settings_for(hub), identity=MemoryState())
        try:
            await one.connect(30)
            found = await asyncio.gather(*(one.transcribe(SECOND * count) for count in range(1, 4)))
            assert [transcripts[0].text for transcripts in found] == [f"{count} seconds" for count in range(1, 4)]
            assert said(await one.handle_audio(SECOND)) == ["echo: 1 seconds"]
            spoken = await asyncio.gather(one.synthesize("hello"), one.synthesize(LONG_TEXT))
            assert [round(length(speech) / 10) for speech in spoken] == [0, len(LONG_TEXT) // 10]
        finally:
            await one.close()

    asyncio.run(talk())
