"""What the plugins of protocol 3 register, what their import costs, what is said when a library is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hivemind_noise
import hivemind_primitives
from hivemind_sdk.errors import PluginMissing

PRIMITIVES = {record.name: record for record in hivemind_primitives.hivemind_primitives()}
HEAVY = ("cryptography", "Crypto", "argon2", "cffi", "hashlib", "hivemind_noise.handshake", "hivemind_noise.state")


def test_protocol_3_and_its_primitives_are_there():
    (handshake,) = hivemind_noise.hivemind_handshakes()
    assert (handshake.name, handshake.protocol) == ("noise", 3)
    assert {record.primitive for record in PRIMITIVES.values()} == {"RSA", "PBKDF2", "X25519", "ARGON2ID"}
    for record in [handshake, *PRIMITIVES.values()]:
        record.create()


def test_importing_the_plugins_loads_nothing_heavy():
    code = (
        "import sys, hivemind_noise.primitive, hivemind_primitives as p; p.hivemind_primitives();"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("module", "record"),
    [
        ("cryptography.hazmat.primitives.asymmetric", "x25519-cryptography"),
        ("Crypto.Protocol", "x25519-pycryptodome"),
        ("argon2", "argon2id-cffi"),
    ],
)
def test_a_library_that_is_not_there_is_named(monkeypatch, module, record):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PluginMissing) as missing:
        PRIMITIVES[record].create()
    assert "pip install" in missing.value.hint
