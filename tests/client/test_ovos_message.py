"""Our Message is OVOS' Message, for `isinstance` and by what its methods do, without the import of ovos_bus_client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def compared(python: str, home: Path) -> dict:
    """What message_peer.py finds with the ovos-bus-client of this interpreter."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home)}
    done = subprocess.run(
        [python, str(HERE / "message_peer.py")], env=env, capture_output=True, text=True, timeout=200, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_every_method_does_what_that_of_the_installed_version_does(tmp_path):
    found = compared(sys.executable, tmp_path)
    assert found["differs"] == []
    assert all(found["is_theirs"])


@pytest.mark.interop
def test_every_method_does_what_that_of_2_11_does(tmp_path):
    from interop.servers import interpreter

    found = compared(str(interpreter("client-1.2.12a1")), tmp_path)
    assert found["differs"] == []
    assert all(found["is_theirs"])
    assert "ovos_bus_client" not in found["imported"][0]


CONVERSATION = """
import os, sys
from hivemind_sdk import HiveMessageBusClient
from hivemind_sdk.testing import Hub, HubClient
password = "correct-horse-battery-9"
with Hub([HubClient("key", password=password)], "5.3.10a1") as hub:
    client = HiveMessageBusClient(key="key", password=password, host="ws://hub", port=1, transport=hub.connector())
    client.connect(timeout=30)
    replies = list(client.ask("hello", timeout=30))
    client.close()
print([reply.data["utterance"] for reply in replies])
print(sorted(name for name in ("ovos_bus_client", "ovos_config", "asyncio", "sqlite3") if name in sys.modules))
from ovos_bus_client.message import Message
assert all(isinstance(reply, Message) for reply in replies)
"""


def test_a_first_conversation_imports_nothing_of_ovos(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CONVERSATION],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['echo: hello']", "[]"]
