"""What contracts.Observer promises: it takes whatever it is told, from any thread, and holds nobody up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from ...contracts import Observer, SessionInfo
from ...contracts.observations import (
    CallbackFailed,
    Dropped,
    FrameReceived,
    FrameSent,
    MessageReceived,
    MessageSent,
    Secured,
    StateChanged,
    Warned,
)
from ...contracts.status import State, Status
from ...errors import LinkClosed
from ...messages import HiveMessageType
from ...settings import Credentials
from .contract import Contract, check
from .expect import at_once, hides, must, together

_CREDENTIALS = Credentials("Sesame-4711-open", "sw0rdf1sh-4711")


@dataclass(frozen=True)
class Unheard:
    """An observation of the future, that nobody knows yet."""

    what: str = "something new"


def observations() -> list[Any]:
    """One of each kind, and some that are odd."""
    info = SessionInfo(protocol=3, handshake="noise", cipher="AES-GCM", warnings=("one", "two"))
    states = [Status(state, 12.5) for state in State]
    return [
        *(StateChanged(before, after) for before in states for after in states[:3]),
        *(
            kind(size, binary)
            for kind in (FrameSent, FrameReceived)
            for size in (0, 1 << 30)
            for binary in (True, False)
        ),
        *(kind(one) for kind in (MessageSent, MessageReceived) for one in HiveMessageType),
        *(Dropped(reason, "x" * 5000) for reason in ("untrusted", "", "grüß dich\n")),
        Secured(info),
        CallbackFailed("on_speak", ValueError("\ud800")),
        CallbackFailed("", KeyboardInterrupt()),
        Warned("the clock is wrong"),
        Warned("", LinkClosed(code=1008, reason="invalid api key")),
    ]


class ObserverContract(Contract):
    """Holds a contracts.Observer to its contract. Override `observer`."""

    credentials: ClassVar[Credentials] = _CREDENTIALS

    def observer(self) -> Observer:
        """A new one."""
        raise NotImplementedError

    @check
    def test_every_observation_is_taken(self) -> None:
        observer = self._observer()
        for event in observations():
            _tell(observer, event)

    @check
    def test_observations_of_the_future_are_taken(self) -> None:
        """A later SDK tells more: what is unknown is passed over."""
        observer = self._observer()
        for event in (Unheard(), object(), "text", None):
            _tell(observer, event)
        _tell(observer, FrameSent(1, binary=False))

    @check
    def test_it_is_quick(self) -> None:
        observer, events = self._observer(), observations()

        def tell() -> None:
            for _ in range(20):
                for event in events:
                    observer.observe(event)

        at_once(tell, f"observe, {20 * len(events)} times", self.patience)

    @check
    def test_many_threads_may_tell_at_once(self) -> None:
        observer, events = self._observer(), observations()

        def tell(step: int) -> None:
            for _ in range(10):
                for event in events[::step]:
                    _tell(observer, event)

        together([partial(tell, step) for step in (1, -1, 1, -1)], "observe, by four threads", self.limit)

    @check
    def test_what_is_told_from_inside_of_it_does_not_deadlock(self) -> None:
        """An error's text may be made by code that ends in another observation."""
        observer = self._observer()

        class Talkative(Exception):
            def __str__(self) -> str:
                observer.observe(FrameSent(1, binary=False))
                return "talkative"

            __repr__ = __str__

        at_once(partial(_tell, observer, CallbackFailed("x", Talkative())), "observe", self.patience)

    @check
    def test_it_can_be_closed_and_told_more(self) -> None:
        observer = self._observer()
        _tell(observer, FrameSent(1, binary=False))
        close = getattr(observer, "close", None)
        for _ in range(2):
            if callable(close):
                at_once(close, "close()", self.patience)
            _tell(observer, FrameSent(1, binary=False))

    @check
    def test_two_of_them_do_not_disturb_each_other(self) -> None:
        one, other = self._observer(), self._observer()
        for event in observations():
            _tell(one, event)
            _tell(other, event)
        close = getattr(one, "close", None)
        if callable(close):
            close()
        _tell(other, FrameSent(1, binary=False))

    @check
    def test_it_follows_a_conversation_with_the_embedded_hub(self) -> None:
        from .conversation import conversation, talk

        faults: list[Exception] = []
        watched = _Watched(self._observer(), faults)
        with (
            conversation(self.credentials, patience=self.patience) as talking,
            talking.satellite(observers=[watched]) as satellite,
        ):
            talk(satellite)
        must(watched.told > 5, f"it was told {watched.told} things")
        must(not faults, f"it raised in a conversation: {faults[:1]!r:.200}")
        hides((self.credentials.password or "",), "the repr", watched.observer)

    def _observer(self) -> Observer:
        observer = self.observer()
        close = getattr(observer, "close", None)
        if callable(close):
            self.after(close)
        return observer


class _Watched:
    """Passes everything on, and keeps what is raised."""

    def __init__(self, observer: Observer, faults: list[Exception]) -> None:
        self.observer = observer
        self.told = 0
        self._faults = faults

    def observe(self, event: Any) -> None:
        self.told += 1
        try:
            self.observer.observe(event)
        except Exception as error:  # noqa: BLE001  it is shown by the check
            self._faults.append(error)


def _tell(observer: Observer, event: Any) -> None:
    try:
        observer.observe(event)
    except Exception as error:
        raise AssertionError(f"{type(event).__name__} makes it raise {type(error).__name__}: {error!r:.200}") from error
