"""Built-in plugin: an observer that counts, for `Satellite.counters` and `hivemind-client status`."""

from __future__ import annotations

from hivemind_sdk.hooks import ObserverPlugin, hookimpl

from .counting import CounterObserver

HIVEMIND_API = 1


@hookimpl
def hivemind_observers() -> list[ObserverPlugin]:
    return [
        ObserverPlugin(
            name="counters", create=CounterObserver, help="counts frames, messages, drops, reconnects, round trips"
        )
    ]
