"""What doctor says of real servers."""

from __future__ import annotations

import pytest
from interop.satellites import settings_for
from interop.servers import PASSWORD, VERSIONS, Client

from hivemind_sdk.doctor import Outcome, diagnose
from hivemind_sdk.errors import AuthenticationRefused, PolicyDenied
from hivemind_sdk.testing import MemoryState

SILENT = "4.0.0"
WRONG = "a-wrong-password-of-some-length-4711"


def diagnosed(hub, client=None, **options):
    return {step.name: step for step in diagnose(settings_for(hub, client), identity=MemoryState(), **options)}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_server_passes_and_each_fault_is_told_at_its_step(start_hub, version):
    hub = start_hub(version, clients=(Client(), Client("bare", key="b" * 32, allowed_types=())))
    good = diagnosed(hub, utterance="hello")
    assert [step for step in good.values() if step.outcome is Outcome.FAILED] == []
    assert good["echo"].verdict == "the hub answered: echo: hello"
    bare = diagnosed(hub, hub.clients[1])
    if version == SILENT:
        assert "does not say what it denies" in bare["permissions"].fix
        assert "pings" in bare["echo"].verdict
    else:
        assert isinstance(bare["permissions"].error, PolicyDenied)
        assert "came down in" in bare["echo"].verdict
    for client, step in ((Client(key="x" * 32, password=PASSWORD), "hello"), (Client(password=WRONG), "handshake")):
        refused = diagnosed(hub, client)[step]
        assert isinstance(refused.error, AuthenticationRefused)
        assert refused.fix
