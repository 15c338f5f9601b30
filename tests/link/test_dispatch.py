"""Chains of handlers, and what becomes of the actions that they return."""

from __future__ import annotations

import threading
import time

import pytest
from link_kit import BUS, LONG, Log, T

from hivemind_sdk.contracts import Consume, Deliver, Drop, HandlerContext, Redispatch, Role, SendMessage, Wake
from hivemind_sdk.contracts.observations import CallbackFailed, Dropped
from hivemind_sdk.engine.dispatch import Dispatcher, NamedHandler
from hivemind_sdk.errors import IdentityFileCorrupted, MalformedFrame, NotConnected
from hivemind_sdk.messages import HiveMessage
from hivemind_sdk.satellite.actions import ActionRunner
from hivemind_sdk.satellite.events import Events
from hivemind_sdk.satellite.local_bus import LocalBus
from hivemind_sdk.satellite.local_node import LocalNode
from hivemind_sdk.satellite.outgoing import Outgoing
from hivemind_sdk.settings import Credentials, Endpoint, Settings
from hivemind_sdk.testing import MemoryState
from hivemind_sdk.threads.callbacks import CallbackQueue
from hivemind_sdk.threads.pending import PendingRequests
from hivemind_sdk.threads.pool import Workers

CONTEXT = HandlerContext(now=0.0, role=Role.SATELLITE, site_id="kitchen", peer="n::s", session_id="s", hub_id="hub")


class Does:
    """A handler that notes what it sees, and does this."""

    def __init__(self, *actions):
        self.actions = actions
        self.seen = []

    def handle(self, message, context):
        self.seen.append((message, context))
        for action in self.actions:
            if isinstance(action, BaseException):
                raise action
            yield action


class Wakes(Does):
    def wake(self, key, context):
        return [Drop("woken", key)]


def chain(*handlers, types=(T.BUS,)):
    return [NamedHandler(f"h{number}", types, handler) for number, handler in enumerate(handlers)]


def dispatcher(named, depth=8):
    failures = []
    return Dispatcher(named, depth, lambda name, error: failures.append((name, error))), failures


def test_every_handler_of_a_chain_sees_the_message_until_one_consumes_it():
    first, second, third = Does(Drop("1")), Does(Drop("2"), Consume(), Drop("still")), Does(Drop("3"))
    subject, failures = dispatcher(chain(first, second, third))
    assert subject.dispatch(BUS, CONTEXT) == [Drop("1"), Drop("2"), Drop("still")]
    assert (len(first.seen), len(second.seen), third.seen, failures) == (1, 1, [], [])


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1)], ids=["ValueError", "SystemExit"])
def test_a_handler_that_raises_is_reported_by_name_and_the_rest_still_run(error):
    subject, failures = dispatcher(chain(Does(Drop("lost with it"), error), Does(Drop("2"))))
    assert subject.dispatch(BUS, CONTEXT) == [Drop("2")]
    assert failures == [("h0", error)]


def test_a_message_that_a_handler_finds_malformed_is_dropped_and_no_fault_of_the_handler():
    subject, failures = dispatcher(chain(Does(MalformedFrame("no type"))))
    assert subject.dispatch(BUS, CONTEXT) == [Drop("malformed message", "no type")]
    assert failures == []


def test_a_type_that_nobody_handles_is_dropped():
    subject, _ = dispatcher([])
    assert subject.dispatch(BUS, CONTEXT) == [Drop("no handler", "bus")]


def test_an_inner_message_is_treated_as_if_it_had_come_by_itself_and_knows_what_it_was_in():
    outer = HiveMessage(T.BROADCAST, BUS)
    inner = Does(Deliver(BUS.payload))
    opens = NamedHandler("opens", (T.BROADCAST,), Does(Redispatch(BUS, signer="PEM")))
    subject, _ = dispatcher([opens, *chain(inner)])
    assert subject.dispatch(outer, CONTEXT) == [Deliver(BUS.payload)]
    ((message, context),) = inner.seen
    assert (message, context.outer, context.signer) == (BUS, (outer,), "PEM")


@pytest.mark.parametrize("depth", [0, 1, 8])
def test_messages_inside_messages_are_opened_to_a_depth_and_no_further(depth):
    echo = Does(Redispatch(BUS))
    subject, _ = dispatcher(chain(echo), depth)
    assert subject.dispatch(BUS, CONTEXT) == [Drop("nested too deep", f"bus at depth {depth + 1}")]
    assert len(echo.seen) == depth + 1


def test_a_handler_that_asked_for_it_is_woken_and_one_that_cannot_be_is_not():
    sleeper = Wakes(Wake("k", 5.0))
    subject, _ = dispatcher(chain(sleeper, Does(Wake("k", 1.0))))
    first, second = subject.dispatch(BUS, CONTEXT)
    assert (first.key, first.delay, first.handler.name, second.handler.name) == ("k", 5.0, "h0", "h1")
    assert subject.wake(first, CONTEXT) == [Drop("woken", "k")]
    assert subject.wake(second, CONTEXT) == []


# --- the performer --------------------------------------------------------------------------------------------------


class Stage:
    """An action runner whose effects are noted. Timers fire when the test says so."""

    def __init__(self, *handlers, send=None, context=CONTEXT):
        self.log, self.failures, self.sent_by = Log(), [], []
        self.workers = Workers(2).acquire()
        self.queue = CallbackQueue(self.workers)
        self.timers = []
        self._send = send or (lambda message: None)
        settings = Settings(Endpoint("memory", "hub"), Credentials("key"))
        node = LocalNode(settings, MemoryState(), None)
        events, requests = Events(self.queue, self._observe, node.lock), PendingRequests()
        outgoing = Outgoing(node, requests, self, self.queue, self._observe)
        self.performer = ActionRunner(
            Dispatcher(chain(*handlers), 8, events.runner.failed),
            context,
            node,
            events,
            requests,
            LocalBus(node, events, requests, self._observe),
            outgoing,
            self._observe,
            self._call_later,
        )

    def _observe(self, event):
        if isinstance(event, CallbackFailed):
            self.failures.append((event.name, type(event.error)))
        else:
            self.log.observe(event)

    def post(self, message, _policy):
        self.sent_by.append(threading.current_thread())
        self._send(message)
        self.log.observe(("sent", message))

    def post_many(self, messages, policy):
        return [self.post(message, policy) for message in messages]

    def _call_later(self, delay, call):
        self.timers.append(Timer(call))
        return self.timers[-1]

    def fire(self):
        """The time of every timer has come."""
        for timer in self.timers[:]:
            if not timer.cancelled:
                timer.call()

    def drops(self):
        return [(event.reason, event.detail) for event in self.log.of(Dropped)]


class Timer:
    def __init__(self, call):
        self.call = call
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def stage():
    stages = []

    def make(*handlers, **options):
        stages.append(Stage(*handlers, **options))
        return stages[-1]

    yield make
    for one in stages:
        one.performer.close()
        one.queue.close()
        one.workers.release(LONG)


def test_what_a_handler_wants_sent_goes_out_in_order_off_the_reader_s_thread(stage):
    messages = [HiveMessage(T.PING, {"n": n}) for n in range(5)]
    on = stage(Does(*map(SendMessage, messages)))
    on.performer.handle(BUS)
    on.log.wait(lambda log: len(log.of(tuple)) == 5)
    assert on.log.of(tuple) == [("sent", message) for message in messages]
    assert threading.current_thread() not in on.sent_by


def test_what_can_not_be_sent_is_told_and_the_rest_goes_on(stage):
    def refuse(message):
        raise NotConnected("gone")

    on = stage(Does(SendMessage(BUS), Drop("after")), send=refuse)
    on.performer.handle(BUS)
    on.log.wait(lambda log: len(log.of(Dropped)) == 2)
    assert set(on.drops()) == {("after", ""), ("not sent", "bus: gone")}


@pytest.mark.parametrize("nonsense", ["drop it", None, Redispatch("no message"), Deliver])
def test_an_action_that_is_none_harms_nothing_else(stage, nonsense):
    on = stage(Does(nonsense), Does(Drop("fine")))
    on.performer.handle(BUS)
    on.performer.handle(BUS)
    assert len(on.failures) == 2


def test_a_handler_is_woken_once_and_the_same_key_again_replaces_the_earlier_wake(stage):
    on = stage(Wakes(Wake("k", 1e6), Wake("k", 0.0)))
    on.performer.handle(BUS)
    assert [timer.cancelled for timer in on.timers] == [True, False]
    on.fire()
    on.fire()
    assert on.drops() == [("woken", "k")]


def test_after_closing_nobody_is_woken_and_nobody_can_ask_to_be(stage):
    on = stage(Wakes(Wake("k", 1e6)))
    on.performer.handle(BUS)
    (timer,) = on.timers
    on.performer.close()
    assert timer.cancelled
    on.performer.handle(BUS)
    timer.call()  # it had begun already
    assert (on.timers, on.drops()) == ([timer], [])


def test_an_identity_that_can_not_be_read_costs_who_looks_at_it_and_not_the_link(stage):
    class Corrupt(HandlerContext):
        outer = ()

        @property
        def public_key(self):
            raise IdentityFileCorrupted("identity")

    class Looks:
        def handle(self, message, context):
            return [Drop("read", context.public_key)]

    on = stage(Looks(), Does(Drop("next")), context=Corrupt.__new__(Corrupt))
    on.performer.handle(BUS)
    assert on.failures == [("h0", IdentityFileCorrupted)]
    assert on.drops() == [("next", "")]


def test_handlers_are_never_called_concurrently(stage):
    inside, clashes = [], []

    class Slow:
        def handle(self, message, context):
            clashes.extend(inside)
            inside.append(1)
            time.sleep(0)
            inside.pop()
            return []

    on = stage(Slow())
    threads = [threading.Thread(target=lambda: [on.performer.handle(BUS) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clashes == []
