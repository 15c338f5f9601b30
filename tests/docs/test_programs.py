"""The programs in examples/ do what they say, in a small size."""

from __future__ import annotations

import asyncio
import importlib.util
import sys

import pytest
from docs.test_examples import KEY, PASSWORD, ROOT, TODAYS

from hivemind_sdk import AsyncHiveMessageBusClient, NodeIdentity
from hivemind_sdk.testing import Hub, HubClient

SOON = 30.0


def program(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def link(tmp_path):
    """The arguments of a client of a running hub."""
    with Hub([HubClient(KEY, PASSWORD)], TODAYS).start() as hub:
        identity = NodeIdentity(str(tmp_path / "_identity.json"))
        yield {"key": KEY, "password": PASSWORD, "host": f"ws://127.0.0.1:{hub.port}", "identity": identity}


def test_every_example_is_run_by_a_test():
    """Those that hear or speak are run by the tests of hivemind-voice, and with a real hub by tests/interop."""
    programs = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "examples").glob("*.py")}
    voice = {name for name, text in programs.items() if "hivemind_voice" in text} | {"voice_hub"}
    assert set(programs) - voice == {"web_endpoint", "chat_bridge", "fleet"}


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="aiohttp has no wheel for it")
def test_the_web_endpoint_asks_for_several_users_at_once(link):
    from aiohttp.test_utils import TestClient, TestServer

    app = program("web_endpoint").make_app(**link)

    async def use():
        async with TestClient(TestServer(app)) as web:

            async def ask(user, text):
                async with web.post("/ask", json={"user": user, "text": text}) as answer:
                    return answer.status, await answer.json()

            return await asyncio.gather(ask("ada", "one"), ask("bob", "two"))

    answers = asyncio.run(asyncio.wait_for(use(), SOON))
    assert answers == [(200, ["echo: one"]), (200, ["echo: two"])]


def test_the_chat_bridge_answers_who_has_asked(link):
    written = [("ada", "one"), ("bob", "two"), ("ada", "three")]

    class Chat:
        def __init__(self):
            self.lines, self.said, self.done = list(written), set(), asyncio.Event()

        async def next(self):
            if not self.lines:
                await self.done.wait()
                return None
            return self.lines.pop(0)

        async def say(self, person, text):
            self.said.add((person, text))
            if len(self.said) == len(written):
                self.done.set()

    async def use():
        async with AsyncHiveMessageBusClient(**link) as client:
            chat = Chat()
            await program("chat_bridge").Bridge(client, chat).run()
            return chat.said

    said = asyncio.run(asyncio.wait_for(use(), SOON))
    assert said == {(person, f"echo: {text}") for person, text in written}


def test_the_fleet_has_an_answer_for_each(capsys):
    program("fleet").main(20)
    assert capsys.readouterr().out.startswith("20 answers for 20 satellites")
