"""What both satellites have in common: who listens, what is counted, when `connect` has failed."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from .._startup import replace
from ..contracts import Counters, CountingObserver
from ..contracts.observations import Dropped, PhasePassed, Secured, StateChanged
from ..contracts.status import FINAL, State, Status
from ..delivery import Key, Policy, Rules
from ..engine.supervisor import Supervisor
from ..errors import HiveMindError, LinkTimeout, PluginMissing, SettingsError
from ..messages import BusMessage, HiveMessage, HiveMessageType
from ..settings import Settings
from ..settings.user_input import LONGEST
from ..sockets.deadline import hung
from .assembly import Overrides, assemble, rules_of, with_ports
from .events import ANY, Callback, Events, Subscription
from .local_node import LocalNode
from .observers import Hear, ObserverFanout
from .resolving import HubWatch

if TYPE_CHECKING:
    from ..plugins.catalogue import Catalogue

log = logging.getLogger(__name__)
logging.getLogger("hivemind_sdk").addHandler(logging.NullHandler())  # a library logs nothing unless its user asks


class AnySender(Protocol):
    """A sender, of either face."""

    def state_changed(self, before: Status, after: Status) -> None:
        """The link is in another state."""

    def set_rules(self, rules: Rules) -> None:
        """For what is emitted from now on without a policy."""


class SatelliteBase:
    """The methods that do not wait."""

    node: LocalNode
    events: Events
    parts: Any
    _sender: AnySender
    _unwatch: Callable[[], object]

    def _assemble(
        self, settings: Settings, catalogue: Catalogue | None, given: Overrides, wake: Callable[[str], object]
    ) -> Settings:
        """Make the parts that do not depend on the face. -> the settings, with the ports of the transports

        `wake`: called where a hub announces itself. Raises what the constructor says.
        """
        if catalogue is None:
            from ..plugins.loader import shared

            catalogue = shared(settings.plugins)
        self.catalogue = catalogue
        settings = with_ports(settings, catalogue)
        self._components = assemble(settings, catalogue, given)
        endpoints = [one.endpoint for one in settings.upstreams]
        self._hub_watch = HubWatch(self._components.connectors, endpoints, wake)
        self._progress = DialProgress()
        own: dict[type, Hear] = {
            StateChanged: self._state_changed,
            PhasePassed: self._progress.phase_passed,
            Secured: self._secured,
            Dropped: log_dropped,
        }
        self._observers = ObserverFanout(self._components.observers, own)
        self._observe = self._observers.tell
        return settings

    def _secured(self, event: Secured) -> None:
        self.node.secured(event.info)

    def _state_changed(self, event: StateChanged) -> None:
        self._progress.state_changed(event.after)
        if event.after.state is State.READY and event.after.info is not None:
            self.node.protocol = event.after.info.protocol
        self._sender.state_changed(event.before, event.after)
        self._hub_watch.state_changed(event.after)
        if event.after.state in FINAL:
            self._unwatch()
        self.events.state.publish(ANY, event.after)

    @property
    def counters(self) -> Counters:
        """A snapshot of what was counted: frames, drops, reconnects, ... Raises PluginMissing if nothing counts."""
        for observer in self._components.observers:
            if isinstance(observer, CountingObserver):
                return observer.counters()
        raise PluginMissing(
            "nothing counts: no observer that does is installed, or given",
            hint="enable the plugin `observer.counters`; `hivemind-client plugins` says what became of it",
        )

    def prepare(self, message: Any) -> HiveMessage:
        """What `emit` would send: BUS messages get source, platform, destination and session where they are missing."""
        return self.node.prepare(message)

    def set_delivery(self, rules: Mapping[Key, Policy]) -> None:
        """What becomes of messages that are emitted from now on, see Settings.delivery. Those that wait keep theirs."""
        self.node.settings = replace(self.node.settings, delivery=rules)
        self._sender.set_rules(rules_of(self.node.settings))

    def on_bus(self, msg_type: str, callback: Callback, *, once: bool = False, inline: bool = False) -> Subscription:
        """`callback(BusMessage)` for each bus message of this type that is delivered; `*` for all of them.

        Callbacks run in one order and may take long; an `inline` one runs on the thread that reads and must not block.
        On asyncio a coroutine function runs as a task, its calls one after the other; a plain function runs on a shared
        thread, with `inline` on the loop.
        """
        return self.events.bus.add(msg_type, callback, once=once, inline=inline)

    def on_message(
        self, msg_type: HiveMessageType, callback: Callback, *, once: bool = False, inline: bool = False
    ) -> Subscription:
        """`callback(HiveMessage)` for each message of this type that arrives. `inline`: see on_bus."""
        return self.events.hive.add(msg_type, callback, once=once, inline=inline)

    def on_binary(self, callback: Callback) -> Subscription:
        """`callback(HiveMessage)` for each BINARY message that a handler passes on."""
        return self.events.binary.add(ANY, callback)

    def on_state(self, callback: Callable[[Status], Any], *, inline: bool = False) -> Subscription:
        """`callback(Status)` for each change of state. `inline`: see on_bus."""
        return self.events.state.add(ANY, callback, inline=inline)

    def deliver(self, message: BusMessage) -> None:
        """Lets requests and callbacks hear a bus message as coming from the hive."""
        self.parts.local_bus.deliver(message)


def supervisor_of(settings: Settings) -> Supervisor:
    """What decides for a new link."""
    return Supervisor(
        settings.backoff,
        hubs=len(settings.upstreams),
        failover=settings.failover,
        reconnect=settings.reconnect,
        retry_refused=settings.retry_refused,
    )


def time_to_close(timeout: float | None, settings: Settings) -> float:
    """Seconds that `close` takes at most: never more than clocks can add. Raises SettingsError for NaN."""
    seconds = settings.deadlines.close if timeout is None else timeout
    if math.isnan(seconds):
        raise SettingsError(f"close(timeout={seconds}): that is no time", hint="give seconds, 0 or more")
    return max(0.0, min(seconds, LONGEST))


def given_up(status: Status, retry: bool) -> bool:
    """True if `connect` has waited long enough."""
    if status.state is State.BACKOFF:
        return not retry and not status.at_once
    return status.state in FINAL


def connected_or(failed: Callable[[Status], bool], before: Status | None) -> Callable[[Status], bool]:
    """What `connect` waits for. `before`: of a link that was there already; what it had come to is no answer."""
    return lambda now: now.state is State.READY or (now is not before and failed(now))


class DialProgress:
    """How far the present attempt to dial has come, as its transport tells."""

    __slots__ = ("_passed",)

    def __init__(self) -> None:
        self._passed = ""

    def state_changed(self, status: Status) -> None:
        if status.state is State.CONNECTING:
            self._passed = ""

    def phase_passed(self, event: PhasePassed) -> None:
        self._passed = event.phase

    def phase(self, settings: Settings) -> str:
        """The one that it is in."""
        if self._passed == "resolve" and settings.proxy:
            return "proxy"
        if self._passed == "connect" and settings.endpoint.scheme in _SECURE:
            return "tls"
        return _NEXT.get(self._passed, "upgrade")


_NEXT = {"": "resolve", "resolve": "connect"}
_SECURE = ("wss", "https", "mqtts")


def not_ready(status: Status, timeout: float | None, progress: DialProgress, settings: Settings) -> HiveMindError:
    """What `connect` raises that has ended with this status."""
    if status.cause is not None:
        return status.cause
    if status.state is State.CONNECTING:
        return hung(progress.phase(settings), timeout or 0.0)
    text = f"not READY within {timeout or 0:g} s (still {status.state.value})"
    return LinkTimeout(text, phase=status.state.value, hint="the hub is slow: give it more time, or look at its log")


def log_dropped(event: Dropped) -> None:
    log.debug("dropped: %s (%s)", event.reason, event.detail)
