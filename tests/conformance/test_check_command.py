"""`plugins check`: one process for each plugin, a line for each check that failed, and an exit code."""

from __future__ import annotations

import pytest
from cli_kit import run
from plugins.dists import Dists, cipher

AES = "from hivemind_ciphers import AesGcm as object\n" + cipher("fast").replace("ROT13", "AES-GCM").replace(
    "(16,)", "(16, 24, 32)"
)
OPEN_TO_ALL = AES + (
    "from hivemind_sdk.errors import DecryptionError\n"
    "class object:\n"
    "    def bind(self, key): return self\n"
    "    def encrypt(self, nonce, plaintext, associated_data=b''): return bytes(plaintext) + bytes(16)\n"
    "    def decrypt(self, nonce, ciphertext, associated_data=b''): return bytes(ciphertext[:-16])\n"
)
EXITS = AES + "import os\nclass object:\n    def bind(self, key): os._exit(3)\n"


@pytest.fixture
def dists(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made = Dists(tmp_path, monkeypatch)
    yield made
    made.forget()


def test_a_good_plugin_passes_and_a_bad_one_is_told_what_is_wrong(dists):
    dists.install("good", {"cipher.fast": AES})
    dists.install("bad", {"cipher.open": OPEN_TO_ALL})
    done = run("plugins", "check", "fast")
    assert (done.code, done.out) == (0, "passed   cipher.fast: 20 passed\n")
    done = run("plugins", "check", "open")
    assert done.code == 1
    assert "failed cipher:fast test_a_tampered_tag_is_refused: byte 0 of the tag was altered: did not" in done.out
    told = run("plugins", "check", "--json").json
    assert not told["passed"]
    assert {one["origin"]["plugin"]: one["passed"] for one in told["plugins"]} == {
        "cipher.fast": True,
        "cipher.open": False,
    }


def test_one_that_exits_hangs_or_can_not_be_loaded_fails_and_no_more(dists):
    dists.install("rude", {"cipher.exits": EXITS, "cipher.hangs": "import time; time.sleep(3600)", "cipher.x": "1/0"})
    for name, why in (("exits", "(exit code 3)"), ("x", "ZeroDivisionError"), ("hangs", "nothing came within 2 s")):
        done = run("plugins", "check", name, *(["--timeout", "2"] if name == "hangs" else []))
        assert done.code == 1
        assert why in done.out


def test_a_plugin_that_there_is_not_is_bad_input(dists):
    assert run("plugins", "check", "nobody").code == 2


ON_ASYNCIO = """
from hivemind_sdk.errors import Unreachable
from hivemind_sdk.hooks import TransportPlugin, hookimpl
HIVEMIND_API = 1
class Nowhere:
    def connect(self, dial):
        raise Unreachable("nowhere")
class NowhereOnAsyncio:
    async def connect(self, dial):
        raise Unreachable("nowhere, on asyncio")
@hookimpl
def hivemind_transports():
    return [TransportPlugin(name="nowhere", schemes=("nowhere",), create=Nowhere, create_async=NowhereOnAsyncio)]
"""


def test_what_a_transport_has_for_asyncio_is_held_to_its_contract_too(dists):
    dists.install("nowhere", {"transport.nowhere": ON_ASYNCIO})
    told = run("plugins", "check", "nowhere", "--all", "--json").json
    failed = [one for one in told["plugins"][0]["results"] if one["outcome"] == "failed"]
    assert {one["contract"] for one in failed} == {"TransportContract[nowhere]", "AsyncTransportContract[nowhere]"}
    assert any("nowhere, on asyncio" in one["reason"] for one in failed)
