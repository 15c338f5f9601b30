"""What a voice satellite has of its hub, for threads that wait: the same on either face of the SDK."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType, State
from hivemind_sdk.delivery import Outcome

from .samples import HEARD, WIDTH

HANDLED = "ovos.utterance.handled"
_LISTENERS = 1.0
"""seconds in which listeners have heard what was there before"""


class Hub:
    """Of a HiveMessageBusClient, or a Satellite. All methods but those from `on` on may take long."""

    def __init__(self, client: Any, lang: str) -> None:
        self._satellite = getattr(client, "satellite", client)
        self.lang = lang or self._satellite.lang
        self._stream = self._satellite.stream_audio()
        self._subscriptions: list[Any] = []
        self._up = self._satellite.status.state is State.READY
        self._handled = 0
        self._changed = threading.Condition()
        self.on(HANDLED, self._count)

    def transcribe(self, pcm: bytes, timeout: float) -> str:
        """The text; empty if no words were heard. Raises as the client's `transcribe`."""
        found = self._wait(self._satellite.transcribe(pcm, lang=self.lang, timeout=timeout))
        return found[0].text if found else ""

    def ask(self, text: str, timeout: float) -> None:
        """Until it is handled; the listeners have heard the replies then. Raises as the client's `ask`."""
        before = self._handled
        self._exhaust(self._satellite.ask(text, lang=self.lang, timeout=timeout))
        with self._changed:  # listeners are called on another thread than this one, in the order of the messages
            self._changed.wait_for(lambda: self._handled > before, _LISTENERS)

    def synthesize(self, text: str, lang: str, timeout: float) -> bytes:
        """A sound file. Raises as the client's `synthesize`."""
        audio: bytes = self._wait(self._satellite.synthesize(text, lang=lang or self.lang, timeout=timeout)).audio
        return audio

    def stream(self, pcm: bytes) -> bool:
        """For the hub's microphone. -> whether it was not dropped"""
        return self._wait(self._stream.write(pcm)).state is not Outcome.DROPPED

    def later(self, said: str | bytes) -> Any:
        """Sends text or samples, by the delivery policy while there is no link. -> the receipt. Raises as `emit`."""
        if isinstance(said, str):
            data = {"utterances": [said], "lang": self.lang}
            return self._wait(self._satellite.emit(BusMessage("recognizer_loop:utterance", data)))
        metadata = {"lang": self.lang, "sample_rate": HEARD, "sample_width": WIDTH}
        kind = HiveMindBinaryPayloadType.STT_AUDIO_HANDLE
        message = HiveMessage(HiveMessageType.BINARY, said, bin_type=kind, metadata=metadata)
        return self._wait(self._satellite.emit(message))

    def outcome(self, receipt: Any, timeout: float) -> Outcome:
        """What has become of it after `timeout` seconds, if not before."""
        outcome: Outcome = self._wait(receipt.wait(timeout))
        return outcome

    def on(self, msg_type: str, heard: Callable[[BusMessage], None]) -> None:
        """Be told of bus messages of this type, in their order, on the thread that reads them."""
        self._subscriptions.append(self._satellite.on_bus(msg_type, heard, inline=True))

    def on_link(self, changed: Callable[[bool], None]) -> None:
        """Be told when the link is up, and when it is not any more."""

        def heard(status: Any) -> None:
            up = status.state is State.READY
            if up is not self._up:
                self._up = up
                changed(up)

        self._subscriptions.append(self._satellite.on_state(heard, inline=True))

    def forget(self) -> None:
        """Tell nobody any more."""
        for subscription in self._subscriptions:
            subscription.cancel()
        self._subscriptions.clear()

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
    """Of an AsyncHiveMessageBusClient or an AsyncSatellite, whose loop runs on another thread."""

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
