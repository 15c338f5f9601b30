"""When the PONG to a later PING has come, a real server has handled what was sent before."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from interop.satellites import Heard, satellite
from interop.servers import VERSIONS

from hivemind_sdk import BusMessage
from hivemind_sdk.contracts.observations import DeliveryChanged
from hivemind_sdk.delivery import Outcome, Queue
from hivemind_websocket.transport import WebSocketTransport

COUNT = 200


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("binarize", [False, True], ids=["text", "binary"])
def test_a_confirmed_message_was_put_on_the_hubs_bus_before(start_hub, tmp_path, monkeypatch, version, binarize):
    """Both processes tell the time of one clock: CLOCK_MONOTONIC is the machine's."""
    pongs: list[float] = []
    confirmed_at: list[float] = []
    observe, probe = Heard.observe, WebSocketTransport.probe

    def note(self: Heard, event: Any) -> None:
        if isinstance(event, DeliveryChanged) and event.outcome is Outcome.CONFIRMED:
            confirmed_at.append(pongs[-1])  # one is asked for at a time
        observe(self, event)

    def timed(self: WebSocketTransport, arrived: Callable[[], object]) -> None:
        probe(self, lambda: (pongs.append(time.monotonic()), arrived()))

    monkeypatch.setattr(Heard, "observe", note)
    monkeypatch.setattr(WebSocketTransport, "probe", timed)
    hub = start_hub(version, binarize=binarize)
    with satellite(hub, durable=str(tmp_path / "messages.db")) as (one, _):
        receipts = [
            one.emit(BusMessage("speak", {"utterance": str(number)}), delivery=Queue(ttl=3600, durable=True))
            for number in range(COUNT)
        ]
        assert one.drain(30)
    assert {receipt.state for receipt in receipts} == {Outcome.CONFIRMED}
    hub.wait_for_nth("bus", COUNT)
    handled_at = [event["at"] for event in hub.events if event["event"] == "bus" and event["type"] == "speak"]
    assert len(handled_at) == len(confirmed_at) == COUNT
    assert all(handled <= confirmed for handled, confirmed in zip(handled_at, confirmed_at, strict=True))
    least = min(confirmed - handled for handled, confirmed in zip(handled_at, confirmed_at, strict=True))
    print(
        f"hivemind-core {version}: {COUNT} of {COUNT} were on its bus before the PONG that confirms them ({len(pongs)} "
        f"PONGs), {least * 1e3:.2f} ms at least"
    )
