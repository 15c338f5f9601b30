"""The plugin at the door: what it registers, what its import costs, what it says when a library is not there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hivemind_noise
from hivemind_sdk.errors import PluginMissing

HEAVY = ("cryptography", "Crypto", "argon2", "cffi", "hashlib", "hivemind_noise.handshake", "hivemind_noise.primitives")


def test_it_provides_protocol_3_and_both_primitives():
    (handshake,) = hivemind_noise.hivemind_handshakes()
    assert (handshake.name, handshake.protocol) == ("noise", 3)
    assert {record.primitive for record in hivemind_noise.hivemind_primitives()} >= {"X25519", "ARGON2ID"}
    for record in [handshake, *hivemind_noise.hivemind_primitives()]:
        record.create()


def test_importing_the_plugin_loads_nothing_heavy():
    code = f"import sys, hivemind_noise; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("module", "create"),
    [
        ("cryptography.hazmat.primitives.asymmetric", "_x25519"),
        ("Crypto.Protocol", "_other_x25519"),
        ("argon2", "_argon2id"),
    ],
)
def test_a_library_that_is_not_there_is_named(monkeypatch, module, create):
    monkeypatch.setitem(sys.modules, module, None)
    if module == "argon2":
        monkeypatch.setattr("hivemind_noise.primitives.find_spec", lambda name: None)
    with pytest.raises(PluginMissing) as missing:
        getattr(hivemind_noise, create)()
    assert "pip install" in missing.value.hint
