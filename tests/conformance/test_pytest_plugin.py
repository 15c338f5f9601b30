"""The pytest plugin: what its fixtures give, that it costs nothing, and that it can be left out."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from hivemind_sdk import HiveMessageType, NamedHandler
from hivemind_sdk.identity.state import Identity
from hivemind_sdk.plugins.instances import Instances
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.testing import PROFILES
from hivemind_sdk.testing.conformance.conversation import talk


def test_a_satellite_talks_to_the_hub_of_each_generation(hivemind_profile_hub, hivemind_profile, hivemind_satellite):
    assert hivemind_profile_hub.profile is PROFILES[hivemind_profile]
    talk(hivemind_satellite(hivemind_profile_hub))


def test_hubs_and_satellites_take_options(hivemind_hub_factory, hivemind_satellite):
    hub = hivemind_hub_factory("4.15.0a1", site_id="attic")
    satellite = hivemind_satellite(hub, max_protocol=2, site_id="kitchen")
    assert (hub.site_id, satellite.status.info.protocol) == ("attic", 2)
    assert hub.wait_for(lambda hub: hub.peers)[0].site_id == "kitchen"


def test_a_satellite_takes_handlers_as_objects_and_by_name(hivemind_hub_factory, hivemind_satellite):
    heard = []

    class Listener:
        def handle(self, message, _context):
            heard.append(message.payload.data.get("utterance"))
            return []

    mine = NamedHandler("mine", (HiveMessageType.BUS,), Listener())
    satellite = hivemind_satellite(hivemind_hub_factory(), handlers=[mine])
    list(satellite.ask("hello"))
    assert "echo: hello" in heard
    by_name = hivemind_satellite(hivemind_hub_factory(), handlers=("bus",))
    assert [one.data["utterance"] for one in by_name.ask("hello")] == ["echo: hello"]


def test_an_asyncio_satellite_talks_to_the_hub_without_another_plugin(hivemind_hub, hivemind_async_satellite):
    async def talk_to_it():
        async with hivemind_async_satellite(hivemind_hub, site_id="kitchen") as satellite:
            return satellite.site_id, [one.data["utterance"] for one in await satellite.ask("hello")]

    assert asyncio.run(talk_to_it()) == ("kitchen", ["echo: hello"])


def test_an_asyncio_satellite_that_is_not_closed_fails_the_test(run_pytest):
    done = run_pytest(
        "import asyncio\n"
        "def test_mine(hivemind_hub, hivemind_async_satellite):\n"
        "    async def forgets():\n"
        "        await hivemind_async_satellite(hivemind_hub).connect()\n"
        "    asyncio.run(forgets())\n",
        "-W",
        "ignore",
    )
    assert "asynchronous satellites were not closed" in done.stdout


def test_the_memory_pair_is_linked(hivemind_memory_pair):
    one, other = hivemind_memory_pair
    one.send("x")
    assert other.receive(0) == "x"


def test_the_identity_folder_is_where_identities_go(hivemind_identity_folder):
    catalogue = load(kinds={"identity"})
    Identity([Instances(catalogue).make(catalogue.identity("file"))]).write("name", "kitchen")
    assert {path.name for path in hivemind_identity_folder.iterdir()} == {"._identity.json.lock", "_identity.json"}


@pytest.fixture
def run_pytest(tmp_path):
    def run(text: str, *arguments: str):
        (tmp_path / "test_theirs.py").write_text(text)
        command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    return run


def test_those_who_do_not_use_it_import_none_of_it(run_pytest):
    done = run_pytest(
        "import sys\n"
        "def test_nothing_of_ours_is_loaded():\n"
        "    ours = {name for name in sys.modules if name.startswith('hivemind')}\n"
        "    ours -= {'hivemind_sdk', 'hivemind_sdk._startup', 'hivemind_sdk._version', 'hivemind_sdk.testing'}\n"
        "    ours -= {'hivemind_sdk.testing.pytest_plugin'}\n"
        "    assert not ours\n"
        "    assert not {'websocket', 'Crypto', 'ovos_bus_client', 'click'} & set(sys.modules)\n"
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_contract_is_inherited_in_a_module_of_theirs_and_two_processes_share_the_work(run_pytest):
    done = run_pytest(
        "from hivemind_sdk.testing import CipherContract\n"
        "from hivemind_ciphers import AesGcm\n"
        "class TestMine(CipherContract):\n"
        "    name = 'AES-GCM'\n"
        "    def cipher(self):\n"
        "        return AesGcm()\n"
        "def test_links(hivemind_memory_pair, hivemind_profile): ...\n",
        "-n2",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "24 passed" in done.stdout


def test_it_can_be_left_out(run_pytest):
    done = run_pytest("def test_a_hub(hivemind_hub): ...\n", "-p", "no:hivemind")
    assert "fixture 'hivemind_hub' not found" in done.stdout


def test_the_kit_needs_no_pytest():
    code = "import sys; import hivemind_sdk.testing.conformance as kit; kit.run; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(sys.prefix), timeout=60).returncode == 0
