"""The asyncio client under the reference's names."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hivemind_bus_client import AsyncHiveMessageBusClient, AsyncHiveMessageWaiter, AsyncHivePayloadWaiter
from hivemind_bus_client.message import HiveMessage, HiveMessageType
from hivemind_bus_client.protocol import HiveMindSlaveProtocol
from ovos_bus_client.message import Message
from ovos_utils.fakebus import FakeBus

from hivemind_sdk.testing import Hub, HubClient

KEY, PASSWORD = "kitchen-key", "correct-horse-battery-9"
SOON = 20.0
HELLO = Message("recognizer_loop:utterance", {"utterances": ["hello"], "lang": "en-us"})
ECHO = "echo: hello"


def make(port, **options):
    return AsyncHiveMessageBusClient(
        KEY, options.pop("password", PASSWORD), host="ws://127.0.0.1", port=port, **options
    )


def with_client(talk):
    """A test of `talk(client, hub)` on an event loop, with a connected client."""

    def test(hub):
        async def run():
            client = make(hub.port)
            await client.connect(site_id="attic")
            try:
                await talk(client, hub)
            finally:
                await client.close()

        asyncio.run(asyncio.wait_for(run(), SOON * 2))

    test.__name__ = test.__qualname__ = talk.__name__
    return test


@with_client
async def test_callbacks_plain_ones_too_run_on_the_loop(client, hub):
    loop, heard = asyncio.get_running_loop(), asyncio.Queue()
    client.on_mycroft(
        "speak", lambda message: heard.put_nowait((message.data["utterance"], threading.current_thread()))
    )

    async def hive(message):
        await heard.put((type(message), asyncio.get_running_loop()))

    client.on(HiveMessageType.BUS, hive)
    await client.emit(HELLO)
    found = [await asyncio.wait_for(heard.get(), SOON) for _ in range(3)]
    assert (ECHO, threading.current_thread()) in found
    assert (HiveMessage, loop) in found
    client.remove(HiveMessageType.BUS, hive)
    assert client.emitter.listeners(HiveMessageType.BUS) == []


@with_client
async def test_waits_give_payload_and_data(client, hub):
    waiter = AsyncHivePayloadWaiter(client, "speak")
    answer = await client.wait_for_response(HELLO, "speak", timeout=SOON)
    assert isinstance(answer, HiveMessage)
    assert answer.data["utterance"] == answer.payload.data["utterance"] == ECHO
    assert (await waiter.wait(SOON)).payload.data["utterance"] == ECHO
    assert await AsyncHiveMessageWaiter(client, HiveMessageType.PING).wait(0.01) is None
    assert (await client.wait_for_payload_response(HELLO, "speak", timeout=SOON)).payload.msg_type == "speak"
    assert await client.wait_for_mycroft("nothing", 0.01) is None


@with_client
async def test_attributes_that_programs_read_and_set(client, hub):
    assert (client.key, client.site_id, client.cipher) == (KEY, "attic", client.status.info.cipher)
    assert client.connected_event.is_set()
    assert client.handshake_event.is_set()
    assert client.build_url("k", "hub", 1, "me", ssl=False).startswith("ws://hub:1")
    for name, value in {"password": "new-horse-battery-10", "useragent": "mine", "binarize": False}.items():
        setattr(client, name, value)
        assert getattr(client, name) == value
    (peer,) = await asyncio.to_thread(hub.wait_for, lambda hub: hub.peers, SOON)
    assert peer.site_id == "attic"


def test_bus_of_the_device_hears_the_hub_and_speaks_to_it(hub):
    async def run():
        client, bus, heard = make(hub.port), FakeBus(), asyncio.Queue()
        loop = asyncio.get_running_loop()
        bus.on("speak", lambda message: loop.call_soon_threadsafe(heard.put_nowait, message))
        protocol = HiveMindSlaveProtocol(client, site_id="attic")
        await client.connect(bus, protocol)
        assert client.protocol is protocol
        question = HELLO.forward(HELLO.msg_type, HELLO.data)
        question.context = {"destination": client.node_id}
        await asyncio.to_thread(bus.emit, question)
        assert (await asyncio.wait_for(heard.get(), SOON)).data["utterance"] == ECHO
        await client.close()

    asyncio.run(asyncio.wait_for(run(), SOON * 2))


def test_connect_waits_for_a_hub_that_is_not_up(hub):
    port = hub.port
    hub.close()

    async def run():
        client, tried = make(port), asyncio.Event()
        client.on("error", lambda _: tried.set())
        connected = asyncio.create_task(client.connect())
        await asyncio.wait_for(tried.wait(), SOON)
        with Hub([HubClient(KEY, PASSWORD)]) as later:
            later.start(port=port)
            await connected
            await client.close()

    asyncio.run(asyncio.wait_for(run(), SOON * 2))


def test_a_refusal_and_a_bounded_wait_raise_as_the_reference_does(hub):
    async def run(port, error, **options):
        client = make(port, **options)
        with pytest.raises(error):
            await client.connect(timeout=0.3 if error is RuntimeError else None)
        await client.close()
        with pytest.raises(error if error is RuntimeError else ValueError):
            await client.emit(Message("some.type"))

    asyncio.run(run(hub.port, ConnectionRefusedError, password="another-horse-battery-9"))
    port = hub.port
    hub.close()
    asyncio.run(run(port, RuntimeError))
    with pytest.raises(RuntimeError):
        AsyncHiveMessageBusClient()
