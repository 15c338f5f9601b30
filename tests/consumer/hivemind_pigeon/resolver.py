"""Finds the way home."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hivemind_sdk.contracts import Lookup, Resolver
from hivemind_sdk.errors import Unreachable
from hivemind_sdk.settings import Endpoint


class Homing:
    def resolve(self, lookup: Lookup) -> Sequence[Endpoint]:
        if lookup.timeout <= 0 and not lookup.pinned:
            raise Unreachable(f"no way to {lookup.endpoint}")
        return (Endpoint("pigeon", lookup.endpoint.host or "loft"),)

    def watch(self, endpoint: Endpoint, appeared: Callable[[], object]) -> Callable[[], None]:
        appeared()
        return lambda: None


resolver: Resolver = Homing()
