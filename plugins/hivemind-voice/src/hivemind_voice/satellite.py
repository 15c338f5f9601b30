"""The satellite: a state machine, and the threads that hear, answer and speak for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from hivemind_sdk.errors import HiveMindError

from . import parts, players, samples
from .events import Kind, VoiceEvent
from .hub import HANDLED, Hub
from .listener import Listener
from .machine import Action, Began, Entered, Heard, Interrupted, Machine, Phase, Rules, Streamed, Unheard
from .settings import VoiceSettings
from .speaker import Speaker, Speech
from .turns import Turns

STREAM_TAIL = 2.0
"""seconds of silence more that a hub gets of a stream: by them its own listener notices the end"""
LISTENING = samples.tone(660, 880)
DONE = samples.tone(880, 660)
FAILURE = samples.tone(220, 0, 220, length=0.12)


class Voice:
    """A satellite that listens and speaks, on a hub of either face. See VoiceSatellite."""

    def __init__(self, hub: Hub, settings: VoiceSettings) -> None:
        self.settings = settings
        self._hub = hub
        self._machine = Machine(
            Rules(
                settings.trigger,
                settings.stream,
                settings.barge_in,
                settings.silence + (STREAM_TAIL if settings.stream else 0.0),
                settings.patience,
                settings.longest,
            )
        )
        self._streamed = 0
        """the turn of what the hub has heard in the stream"""
        self._hub_answered = False
        self._lock = threading.Lock()
        self._pending: deque[Action | VoiceEvent] = deque()
        """what is to be carried out, by whichever thread is at it"""
        self._acting = False
        self._changed = threading.Condition()
        self._callbacks: list[Callable[[VoiceEvent], Any]] = []
        self._levels: list[Callable[[VoiceEvent], Any]] = []
        made = parts.make(settings, hub)
        self._synthesize = made.synthesize
        self._speaker = Speaker(made.player, self, settings.volume)
        self._turns = Turns(
            hub, made.recognise, settings.timeout, tell=self._tell, done=self._answered, failed=self._sound_failure
        )
        self._listener: Listener | None = None
        if made.microphone is not None:
            self._listener = Listener(made.microphone, made.vad, made.wake_word, self)

    # --- its life ---

    def start(self) -> None:
        """Listens and speaks from now on. Raises SoundFailed if the microphone can't be opened."""
        self._hub.on_link(self._link_changed)
        for msg_type, heard in self._topics().items():
            self._hub.on(msg_type, heard)
        self._speaker.start()
        self._turns.start()
        if self._listener is not None:
            self._listener.start()

    def stop(self) -> None:
        """Stops what it hears and says. The client stays connected."""
        self._hub.forget()
        if self._listener is not None:
            self._listener.stop()
        self._turns.close()
        self._speaker.close()

    def on_event(self, callback: Callable[[VoiceEvent], Any], *, levels: bool = False) -> None:
        """Call this with each VoiceEvent, on the thread that it comes from: return soon.

        `levels`: also with how loud each chunk of the microphone is.
        """
        self._callbacks.append(callback)
        if levels:
            self._levels.append(callback)

    @property
    def phase(self) -> Phase:
        """What it is doing."""
        return self._machine.phase

    @property
    def volume(self) -> int:
        """0 to 100; may be set at any time."""
        return self._speaker.volume

    @volume.setter
    def volume(self, volume: int) -> None:
        self._speaker.volume = max(0, min(100, volume))

    def wait_over(self, timeout: float | None = None) -> bool:
        """Until a microphone that is a file is over, and all in it has been answered. -> whether it is so"""
        return self._listener is None or self._listener.over.wait(timeout)

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Until nothing is recorded, answered or said. -> whether it is so"""

        def idle() -> bool:
            return self._machine.idle and self._speaker.idle

        with self._changed:
            return self._changed.wait_for(idle, timeout)

    def wait_answered(self, timeout: float) -> bool:
        """The same; of a stream, once the hub has heard something, or has not within `timeout` seconds."""
        if self.settings.stream:
            with self._changed:
                self._changed.wait_for(lambda: self._hub_answered, timeout)
        return self.wait_idle(timeout)

    # --- what people do ---

    def press(self) -> None:
        """A button is held: record, and be silent."""
        self._do(self._machine.press)

    def release(self) -> None:
        """It is let go: what was said is answered."""
        self._do(self._machine.release)

    def listen(self) -> None:
        """Record now, until silence, without a wake word."""
        self._do(self._machine.listen)

    def say(self, text: str, lang: str = "") -> None:
        """Say this, after what is being said already."""
        self._say(Speech(text, lang))

    def silence(self) -> None:
        """Stop what is being said."""
        self._speaker.silence()

    # --- from the hub ---

    def _topics(self) -> dict[str, Callable[..., None]]:
        topics: dict[str, Callable[..., None]] = {
            "speak": self._hub_speaks,
            "mycroft.stop": lambda _message: self.silence(),
            "mycroft.mic.listen": lambda _message: self.listen(),
            "mycroft.volume.set": self._hub_sets_volume,
        }
        if self.settings.stream:
            topics |= {
                "recognizer_loop:wakeword": lambda _message: self._hub_woke(),
                "recognizer_loop:record_end": lambda _message: self._sound(DONE),
                "recognizer_loop:utterance": self._hub_heard,
                "recognizer_loop:speech.recognition.unknown": lambda _message: self._lose("no words were understood"),
                HANDLED: self._hub_handled,
            }
        return topics

    def _hub_speaks(self, message: Any) -> None:
        text = message.data.get("utterance")
        if isinstance(text, str) and text.strip():
            lang = message.data.get("lang")
            listen = message.data.get("expect_response") is True
            self._say(Speech(text, lang if isinstance(lang, str) else "", listen))

    def _hub_sets_volume(self, message: Any) -> None:
        percent = message.data.get("percent")
        if isinstance(percent, (int, float)) and 0 <= percent <= 1:
            self.volume = round(100 * percent)

    def _hub_woke(self) -> None:
        self._do(self._machine.interrupt)
        self._sound(LISTENING)

    def _hub_heard(self, message: Any) -> None:
        found = message.data.get("utterances")
        if isinstance(found, list) and found:
            with self._lock:
                self._streamed = self._machine.expect()
            self._tell(VoiceEvent(Kind.HEARD, str(found[0])))

    def _hub_handled(self, _message: Any) -> None:
        self._answered(self._streamed)
        self._hub_answered = True
        self._wake()

    def _link_changed(self, up: bool) -> None:
        self._tell(VoiceEvent(Kind.LINK, "up" if up else "down"))
        if not up:
            self._do(self._machine.lost)

    # --- from the microphone ---

    def wants(self) -> tuple[bool, bool]:
        machine = self._machine
        return machine.wants_wake, machine.wants_voice

    def hear(self, pcm: bytes, *, voice: bool, wake: bool) -> None:
        if self._levels:
            level = VoiceEvent(Kind.LEVEL, level=samples.loudness(pcm))
            for callback in self._levels:
                callback(level)
        self._do(lambda: self._machine.hear(pcm, voice=voice, wake=wake))

    def ready(self) -> bool:
        return self._machine.phase in {Phase.LISTENING, Phase.RECORDING} and self._speaker.idle

    def recording(self) -> bool:
        return self._machine.phase is Phase.RECORDING

    # --- from the speaker ---

    def synthesized(self, speech: Speech) -> bytes | None:
        try:
            return players.decoded(self._synthesize(speech.text, speech.lang))
        except Exception as error:  # noqa: BLE001 - of the hub, or a plugin of somebody else's
            self.failed(error)
            return None

    def may_speak(self) -> bool:
        return self._machine.may_speak

    def began(self, speech: Speech) -> bool:
        with self._lock:
            if not self._machine.may_speak:
                return False
            self._pending += [*self._machine.speaks(), VoiceEvent(Kind.SAID, speech.text)]
        self._act()
        return True

    def rested(self) -> None:
        # something may have been said to it meanwhile: `_say` holds the same lock
        self._do(lambda: self._machine.quiet() if self._speaker.idle else [])
        self._wake()

    def ended(self, *, listen: bool) -> None:
        self._do(lambda: self._machine.spoken(listen=listen))

    # --- what comes of it ---

    def failed(self, error: Exception) -> None:
        hint = error.hint if isinstance(error, HiveMindError) else type(error).__name__
        self._tell(VoiceEvent(Kind.FAILED, f"{error} ({hint})" if hint else str(error)))

    def _say(self, speech: Speech) -> None:
        with self._lock:
            self._machine.promise()
            self._speaker.say(speech)

    def _answered(self, turn: int) -> None:
        self._do(lambda: self._machine.answered(turn))

    def _do(self, decide: Callable[[], list[Action]]) -> None:
        with self._lock:
            self._pending += decide()
            if not self._pending:
                return
        self._act()

    def _act(self) -> None:
        """Carry out what is pending, in its order: one thread at a time, without the lock, as callbacks call back."""
        while True:
            with self._lock:
                if self._acting or not self._pending:
                    return
                self._acting = True
                action = self._pending.popleft()
            try:
                self._carry_out(action)
            finally:
                self._acting = False

    def _carry_out(self, action: Action | VoiceEvent) -> None:
        match action:
            case Entered(phase):
                self._entered(phase)
            case Began():
                self._sound(LISTENING)
            case Streamed(pcm):
                self._stream(pcm)
            case Heard():
                self._sound(DONE)
                self._turns.answer(action)
            case Unheard(reason):
                self._lose(reason)
            case Interrupted():
                self._speaker.silence()
            case VoiceEvent():
                self._tell(action)

    def _entered(self, phase: Phase) -> None:
        self._tell(VoiceEvent(Kind.STATE, phase.value))
        self._speaker.wake()
        self._wake()

    def _wake(self) -> None:
        """Who waits for a change looks again."""
        if self._listener is not None:
            self._listener.wake()
        with self._changed:
            self._changed.notify_all()

    def _stream(self, pcm: bytes) -> None:
        try:
            self._hub.stream(pcm)
        except HiveMindError as error:
            self.failed(error)

    def _sound(self, pcm: bytes) -> None:
        if self.settings.sounds:
            self._speaker.sound(pcm)

    def _sound_failure(self) -> None:
        self._sound(FAILURE)

    def _lose(self, reason: str) -> None:
        self._tell(VoiceEvent(Kind.UNHEARD, reason))
        self._sound_failure()

    def _tell(self, event: VoiceEvent) -> None:
        for callback in self._callbacks:
            callback(event)


class VoiceSatellite(Voice):
    """Listens and speaks for a HiveMessageBusClient or a Satellite, which the caller connects and closes.

        with VoiceSatellite(client, VoiceSettings(mode="relay")) as voice:
            voice.wait_over()

    Raises PluginMissing and SoundFailed for engines that can't be used. `start` and `stop` may each be called once.
    """

    def __init__(self, client: Any, settings: VoiceSettings | None = None) -> None:
        settings = settings or VoiceSettings()
        super().__init__(Hub(client, settings.lang), settings)

    def __enter__(self) -> VoiceSatellite:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
