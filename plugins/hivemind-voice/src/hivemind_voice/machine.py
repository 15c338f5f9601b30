"""What a voice satellite does next, decided without I/O, thread or clock: time is that of the samples.

It is told what was heard, pressed, answered and spoken, and returns what is to be done.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

from .samples import seconds

LEAD = 0.5
"""seconds before speech was noticed that belong to it"""
TAIL = 0.3
"""seconds for which it does not listen after it has spoken: a room answers"""
SHORTEST = 0.2
"""seconds for which a button is held at least"""


class Phase(str, Enum):
    """What it is doing."""

    LISTENING = "listening"
    RECORDING = "recording"
    WAITING = "waiting"
    SPEAKING = "speaking"

    __str__ = str.__str__


@dataclass(frozen=True)
class Entered:
    """It is doing something else now."""

    phase: Phase


@dataclass(frozen=True)
class Began:
    """A recording has begun, because of a wake word or a button."""


@dataclass(frozen=True)
class Streamed:
    """Samples for the hub, now."""

    pcm: bytes


@dataclass(frozen=True)
class Heard:
    """All that was said, to be answered. `turn` is given back to `answered`."""

    pcm: bytes
    turn: int


@dataclass(frozen=True)
class Unheard:
    """A recording held nothing."""

    reason: str


@dataclass(frozen=True)
class Interrupted:
    """What is being said is to stop."""


Action = Entered | Began | Streamed | Heard | Unheard | Interrupted


@dataclass(frozen=True)
class Rules:
    """`trigger`: wake, voice or button. Times are seconds, as in VoiceSettings."""

    trigger: str
    stream: bool = False
    barge_in: bool = False
    silence: float = 1.0
    patience: float = 5.0
    longest: float = 15.0
    packet: float = 0.3
    """of a stream, what is sent at a time: each message costs as much as the sound in it"""


class Machine:
    """Not for several threads at once: who calls it holds a lock."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.phase = Phase.LISTENING
        self._turn = 0
        self._answering: int | None = None
        """the turn that is not answered yet"""
        self._speaking = False
        self._promised = False
        """something waits to be said"""
        self._held = False
        self._deaf = 0.0
        self._lead: deque[bytes] = deque()
        self._recorded: list[bytes] = []
        self._length = self._quiet = 0.0
        self._spoke = False

    # --- what it wants to know of a chunk ---

    @property
    def wants_wake(self) -> bool:
        """Whether a wake word would begin a recording now."""
        return self.rules.trigger == "wake" and self.phase is not Phase.RECORDING and self._listens

    @property
    def wants_voice(self) -> bool:
        """Whether it matters if somebody speaks now."""
        if not self._listens or self._held:
            return False
        return self.phase is Phase.RECORDING or self.rules.trigger == "voice"

    @property
    def may_speak(self) -> bool:
        """Whether nobody would be talked over."""
        return self.phase is not Phase.RECORDING or self.rules.stream

    @property
    def idle(self) -> bool:
        """Whether nothing is being recorded, answered or said."""
        return self.phase is Phase.LISTENING and self._answering is None and not self._promised

    @property
    def _listens(self) -> bool:
        return not self._speaking or self.rules.barge_in

    # --- what happens ---

    def hear(self, pcm: bytes, *, voice: bool = False, wake: bool = False) -> list[Action]:
        """A chunk of the microphone; whether there is speech, or the wake word, in it."""
        length = seconds(pcm)
        if not self._listens:
            self._lead.clear()
            return []
        if self._deaf > 0 and self.phase is Phase.LISTENING:
            self._deaf -= length
            return []
        if self.rules.stream:
            return self._stream(pcm, length, voice)
        if self.phase is Phase.RECORDING:
            return self._record(pcm, length, voice)
        if wake and self.rules.trigger == "wake":
            return self.listen()
        if self.rules.trigger == "voice" and self.phase is Phase.LISTENING:
            self._remember(pcm)
            if voice:
                return self._begin(lead=True)
        return []

    def listen(self) -> list[Action]:
        """Record without a trigger: a wake word was heard, or the hub asks for an answer."""
        if self.phase is Phase.RECORDING or self.rules.stream:
            return []
        return self._begin(lead=False)

    def press(self) -> list[Action]:
        """A button is held down: record until it is let go."""
        actions = self.listen()
        self._held = bool(actions)
        return actions

    def release(self) -> list[Action]:
        """The button is let go."""
        if not self._held:
            return []
        self._held = False
        if self._length < SHORTEST:
            return self._give_up("the button was held too shortly")
        return self._finish()

    def promise(self) -> None:
        """Something will be said as soon as it may be."""
        self._promised = True

    def quiet(self) -> list[Action]:
        """Nothing waits to be said."""
        self._promised = False
        return self._rest() if self.phase is Phase.WAITING else []

    def answered(self, turn: int) -> list[Action]:
        """Nothing more comes as an answer."""
        if turn != self._answering:
            return []  # of a question that was followed by another
        self._answering = None
        return self._rest() if self.phase is Phase.WAITING else []

    def expect(self) -> int:
        """The hub has understood something that was streamed: there will be an answer. -> its turn"""
        self._turn += 1
        self._answering = self._turn
        return self._turn

    def speaks(self) -> list[Action]:
        """Something is being said from now on."""
        self._speaking = True
        self._lead.clear()
        goes_on = self.phase is Phase.RECORDING and self.rules.barge_in
        return [] if goes_on else self._enter(Phase.SPEAKING)

    def spoken(self, *, listen: bool = False) -> list[Action]:
        """All is said. `listen`: an answer to it is expected."""
        self._speaking = self._promised = False
        if self.phase is not Phase.SPEAKING:
            return []
        self._deaf = TAIL
        actions = self._rest()
        return actions + self.listen() if listen else actions

    def interrupt(self) -> list[Action]:
        """Be silent, by order of a person or the hub."""
        return [Interrupted()] if self._speaking else []

    def lost(self) -> list[Action]:
        """The link is gone. Only a stream ends by that: what is recorded whole can wait for the next link."""
        if self.rules.stream and self.phase is Phase.RECORDING:
            return [Unheard("the link was lost while somebody spoke"), *self._rest()]
        return []

    # --- ---

    def _begin(self, *, lead: bool) -> list[Action]:
        actions: list[Action] = [Interrupted()] if self._speaking else []
        self._recorded = list(self._lead) if lead else []
        self._lead.clear()
        self._length = seconds(b"".join(self._recorded))
        self._quiet, self._spoke = 0.0, lead
        if not lead:
            actions.append(Began())
        return actions + self._enter(Phase.RECORDING)

    def _record(self, pcm: bytes, length: float, voice: bool) -> list[Action]:
        self._recorded.append(pcm)
        self._length += length
        if self._held:
            return self._finish() if self._length >= self.rules.longest else []
        self._spoke = self._spoke or voice
        self._quiet = 0.0 if voice else self._quiet + length
        if not self._spoke:
            return self._give_up("nothing was said") if self._length >= self.rules.patience else []
        if self._quiet >= self.rules.silence or self._length >= self.rules.longest:
            return self._finish()
        return []

    def _finish(self) -> list[Action]:
        pcm = b"".join(self._recorded)
        self._recorded, self._held = [], False
        return [*self._enter(Phase.WAITING), Heard(pcm, self.expect())]

    def _give_up(self, reason: str) -> list[Action]:
        self._recorded = []
        return [Unheard(reason), *self._rest()]

    def _stream(self, pcm: bytes, length: float, voice: bool) -> list[Action]:
        recording = self.phase is Phase.RECORDING
        if not recording:
            self._remember(pcm)
            if not voice:
                return []
            pcm = b"".join(self._lead)
            self._lead.clear()
            self._recorded = []
            self._length = 0.0
        self._quiet = 0.0 if voice else self._quiet + length
        self._recorded.append(pcm)
        self._length += seconds(pcm)
        actions: list[Action] = [] if recording else self._enter(Phase.RECORDING)
        over = self._quiet >= self.rules.silence
        if over or self._length >= self.rules.packet:
            actions.append(Streamed(b"".join(self._recorded)))
            self._recorded = []
            self._length = 0.0
        return actions + self._rest() if over else actions

    def _remember(self, pcm: bytes) -> None:
        self._lead.append(pcm)
        while len(self._lead) > 1 and seconds(b"".join(self._lead)) > LEAD:
            self._lead.popleft()

    def _rest(self) -> list[Action]:
        """To what is left to do."""
        if self._speaking:
            return self._enter(Phase.SPEAKING)
        waits = self._answering is not None or self._promised
        return self._enter(Phase.WAITING if waits and not self.rules.stream else Phase.LISTENING)

    def _enter(self, phase: Phase) -> list[Action]:
        if phase is self.phase:
            return []
        self.phase = phase
        return [Entered(phase)]
