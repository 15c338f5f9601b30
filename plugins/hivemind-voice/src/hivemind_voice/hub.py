"""What the satellite has of its hub, for threads that wait: the same of a client of either face."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType
from hivemind_sdk.delivery import Outcome

from .samples import HEARD, WIDTH

HANDLED = "ovos.utterance.handled"
LINK_EVENTS = ("open", "close")
_LISTENERS = 1.0
"""seconds in which listeners have heard what was there before"""


class Hub:
    """Of a HiveMessageBusClient. All methods but `on` and `forget` may take long."""

    def __init__(self, client: Any, lang: str) -> None:
        self.client = client
        self.lang = lang or client.lang
        self._stream = client.stream_audio()
        self._listeners: list[tuple[str, Callable[..., Any]]] = []
        self._handled = 0
        self._changed = threading.Condition()
        self.on(HANDLED, self._count)

    def transcribe(self, pcm: bytes, timeout: float) -> str:
        """The text; empty if no words were heard. Raises as the client's `transcribe`."""
        found = self._wait(self.client.transcribe(pcm, lang=self.lang, timeout=timeout))
        return found[0].text if found else ""

    def ask(self, text: str, timeout: float) -> None:
        """Until it is handled; the listeners have heard the replies then. Raises as the client's `ask`."""
        before = self._handled
        self._exhaust(self.client.ask(text, lang=self.lang, timeout=timeout))
        with self._changed:  # listeners are called on another thread than this one, in the order of the messages
            self._changed.wait_for(lambda: self._handled > before, _LISTENERS)

    def synthesize(self, text: str, lang: str, timeout: float) -> bytes:
        """A sound file. Raises as the client's `synthesize`."""
        audio: bytes = self._wait(self.client.synthesize(text, lang=lang or self.lang, timeout=timeout)).audio
        return audio

    def stream(self, pcm: bytes) -> bool:
        """For the hub's microphone. -> whether it was not dropped"""
        return self._wait(self._stream.write(pcm)).state is not Outcome.DROPPED

    def later(self, said: str | bytes) -> Any:
        """Sends text or samples, by the delivery policy while there is no link. -> the receipt. Raises as `emit`."""
        if isinstance(said, str):
            data = {"utterances": [said], "lang": self.lang}
            return self._wait(self.client.emit(BusMessage("recognizer_loop:utterance", data)))
        metadata = {"lang": self.lang, "sample_rate": HEARD, "sample_width": WIDTH}
        kind = HiveMindBinaryPayloadType.STT_AUDIO_HANDLE
        message = HiveMessage(HiveMessageType.BINARY, said, bin_type=kind, metadata=metadata)
        return self._wait(self.client.emit(message))

    def outcome(self, receipt: Any, timeout: float) -> Outcome:
        """What has become of it after `timeout` seconds, if not before."""
        outcome: Outcome = self._wait(receipt.wait(timeout))
        return outcome

    def on(self, event: str, heard: Callable[..., None]) -> None:
        """Be told of bus messages of this type, or of `open` and `close`."""
        listen = self.client.emitter.on if event in LINK_EVENTS else self.client.on_mycroft
        listen(event, heard)
        self._listeners.append((event, heard))

    def forget(self) -> None:
        """Tell nobody any more."""
        for event, heard in self._listeners:
            if event in LINK_EVENTS:
                self.client.emitter.remove_listener(event, heard)
            else:
                self.client.remove(event, heard)
        self._listeners.clear()

    def _count(self, _message: Any) -> None:
        with self._changed:
            self._handled += 1
            self._changed.notify_all()

    def _wait(self, value: Any) -> Any:
        return value

    def _exhaust(self, replies: Any) -> None:
        for _reply in replies:
            pass


class LoopHub(Hub):
    """Of an AsyncHiveMessageBusClient, whose loop runs on another thread."""

    def __init__(self, client: Any, lang: str, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(client, lang)
        self._loop = loop

    def _wait(self, value: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(value, self._loop).result()

    def _exhaust(self, replies: Any) -> None:
        async def exhaust() -> None:
            async for _reply in replies:
                pass

        self._wait(exhaust())
