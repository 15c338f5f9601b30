"""What a handler sees of the satellite: as it is when it looks, or as it was when it made a copy."""

from __future__ import annotations

from link_kit import CLIENT, T, satellite

from hivemind_sdk.engine.dispatch import NamedHandler
from hivemind_sdk.testing import Hub


def test_a_handler_may_make_a_context_of_its_own_and_that_one_stays_as_it_is():
    seen = []

    class Wraps:
        def handle(self, message, context):
            seen.append((context, context.copy(signer="alice")))
            return ()

    with Hub([CLIENT]) as hub:
        sat = satellite(hub.connector(), handlers=[NamedHandler("wraps", (T.BUS,), Wraps())])
        sat.connect()
        next(sat.ask("hi"))
        live, copy = seen[0]
        assert (live.signer, copy.signer) == (None, "alice")
        assert live.session_id == copy.session_id == sat.session_id
        sat.cascade_timeout = 7.0
        assert (live.cascade_timeout, copy.cascade_timeout) == (7.0, None)
