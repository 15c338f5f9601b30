"""Observers and commands with one fault each, around ones of a few lines."""

from __future__ import annotations

import threading
from collections import Counter

import click
from conformance.mutants import caught_by

from hivemind_sdk.contracts.observations import CallbackFailed
from hivemind_sdk.testing import ObserverContract
from hivemind_sdk.testing.conformance import CommandContract


class CountAll:
    """Counts what it is told, by kind."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = Counter()

    def observe(self, event):
        with self.lock:
            self.counts[type(event).__name__] += 1


class Twin(ObserverContract):
    kind = CountAll

    def observer(self):
        return self.kind()


@caught_by("test_observations_of_the_future_are_taken")
class OnlyWhatIsKnown(Twin):
    class kind(CountAll):
        def observe(self, event):
            if not type(event).__module__.startswith("hivemind_sdk.contracts.observations"):
                raise TypeError(f"{type(event).__name__} is not known")


@caught_by("test_every_observation_is_taken")
class ChokesOnAnEmptyReason(Twin):
    class kind(CountAll):
        def observe(self, event):
            self.counts[getattr(event, "reason", "x")[0]] += 1


@caught_by("test_it_is_quick", patience=0.3)
class WritesSlowly(Twin):
    class kind(CountAll):
        def observe(self, event):
            threading.Event().wait(0.001)


@caught_by("test_what_is_told_from_inside_of_it_does_not_deadlock", patience=0.3)
class FormatsUnderItsLock(Twin):
    class kind(CountAll):
        def observe(self, event):
            with self.lock:
                self.counts[str(event.error) if isinstance(event, CallbackFailed) else "other"] += 1


@caught_by("test_many_threads_may_tell_at_once")
class NotForThreads(Twin):
    class kind(CountAll):
        busy = waited = False

        def __init__(self):
            super().__init__()
            self.met = threading.Event()

        def observe(self, event):
            if self.busy:
                self.met.set()
                raise RuntimeError("called by two threads")
            self.busy = True
            if not self.waited:
                self.waited = True
                self.met.wait(5.0)  # until another thread comes
            self.busy = False


@caught_by("test_it_can_be_closed_and_told_more")
class DeadAfterClose(Twin):
    class kind(CountAll):
        def close(self):
            self.counts = None


@caught_by("test_two_of_them_do_not_disturb_each_other")
class OneFileForAll(Twin):
    class kind(CountAll):
        open = True

        def observe(self, event):
            if not CountAll.__dict__.get("open", True):
                raise ValueError("I/O operation on closed file")

        def close(self):
            CountAll.open = False

    def teardown_method(self):
        super().teardown_method()
        CountAll.open = True


@click.command("wave")
@click.option("--times", default=1, help="How often.")
def wave(times):
    """Wave at the hive."""


class CommandTwin(CommandContract):
    name = "wave"
    made = wave

    def command(self):
        return self.made


@caught_by("test_its_help_says_what_it_is_for")
class Wordless(CommandTwin):
    made = click.Command("wave", callback=lambda: None)


@caught_by("test_it_is_a_command_of_click_with_its_name")
class OtherName(CommandTwin):
    made = click.Command("hello", help="Say hello.")


@caught_by("test_every_option_says_what_it_is_for")
class SilentOption(CommandTwin):
    made = click.Command("wave", help="Wave.", params=[click.Option(["--times"])])
