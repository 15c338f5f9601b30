"""Hub software, simulators and satellites over mail and news, from the package index, on our HiveMindSlaveProtocol."""

from __future__ import annotations

import pytest
from interop.programs import conversation
from interop.test_programs import ECHO, NEWEST

TOLD = {
    "hivescope": {"through the relay": "hello", "up": ["up"], "again": True},
    "email_satellite": {"heard": "hello", "protocol": True},
    "usenet_satellite": {"heard": "hello", "protocol": True},
    "email_bridge": {"answer": ["ada@example.org", ECHO]},
    "usenet_bridge": {"answer": ["alt.test", ECHO]},
}


@pytest.mark.parametrize("name", TOLD)
def test_it_runs_on_our_protocol(name, start_hub, tmp_path):
    hub = start_hub(NEWEST)
    with conversation(tmp_path / "program", name, hub, "driver_conversations.py", environment="hive") as program:
        told = program.told()
    assert told.pop("client").startswith("hivemind_sdk")
    assert told == TOLD[name]
