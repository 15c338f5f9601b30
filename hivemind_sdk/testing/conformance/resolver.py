"""What contracts.Resolver promises: endpoints that can be dialled, errors of ours, nothing that outlasts its time."""

from __future__ import annotations

from functools import partial

from ...contracts import Lookup, Resolver
from ...errors import LinkTimeout, SettingsError, Unreachable
from ...settings import Endpoint
from .contract import Contract, check, skip
from .expect import at_once, must, refused, same, together
from .leaks import leftovers

_MOMENT = 0.3


class ResolverContract(Contract):
    """Holds a contracts.Resolver to its contract. Override `resolver`; `known` and `unknown` where there are such."""

    def resolver(self) -> Resolver:
        """A new one."""
        raise NotImplementedError

    def known(self) -> Endpoint:
        """What it finds a hub for; skips what needs one unless overridden."""
        skip("the kit knows nothing that it finds: override `known`")

    def unknown(self) -> Endpoint:
        """What it finds no hub for."""
        skip("the kit knows nothing that it does not find: override `unknown`")

    @check
    def test_what_it_knows_is_somewhere_that_a_transport_can_dial(self) -> None:
        wanted = self.known()
        found = self.resolver().resolve(Lookup(wanted, self.patience))
        must(len(found) > 0, "it gives no endpoint, and no error")
        for one in found:
            must(isinstance(one, Endpoint), f"it gives a {type(one).__name__}, not an Endpoint")
            must(one.scheme != wanted.scheme and one.host, f"nothing can dial {one}")

    @check
    def test_it_gives_the_same_each_time(self) -> None:
        wanted, resolver = self.known(), self.resolver()
        answers = [list(resolver.resolve(Lookup(wanted, self.patience))) for _ in range(3)]
        same(answers[1:], answers[:1] * 2, "what it gives later")

    @check
    def test_many_threads_may_ask_at_once(self) -> None:
        wanted, resolver = self.known(), self.resolver()
        asking = partial(resolver.resolve, Lookup(wanted, self.patience))
        answers = together([asking] * 4, "resolve, by four threads", self.limit)
        must(all(answers), "somebody got no endpoint")

    @check
    def test_what_it_does_not_know_is_an_error_within_the_time(self) -> None:
        wanted, resolver = self.unknown(), self.resolver()
        asking = partial(resolver.resolve, Lookup(wanted, _MOMENT))
        with refused("resolve, of what there is not", Unreachable, LinkTimeout, SettingsError) as caught:
            at_once(asking, f"resolve, within {_MOMENT} s", self.patience)
        must(str(caught.error), "the error says nothing")

    @check
    def test_a_watch_begins_and_ends_at_once_any_number_of_times(self) -> None:
        wanted, resolver = self.known(), self.resolver()
        for _ in range(3):
            end = at_once(partial(resolver.watch, wanted, lambda: None), "watch", self.patience)
            for _ in range(2):
                at_once(end, "the end of a watch", self.patience)

    @check
    def test_nothing_is_left_of_it(self) -> None:
        wanted = self.known()
        with leftovers(self.patience) as left:
            resolver = self.resolver()
            resolver.resolve(Lookup(wanted, self.patience))
            resolver.watch(wanted, lambda: None)()
            self.teardown_method()
        same(left, [], "threads and file descriptors that are left")
