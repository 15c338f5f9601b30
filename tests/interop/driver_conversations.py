"""What builds on `HiveMindSlaveProtocol`, or carries the client elsewhere, run in the environment of hive.txt.

    python driver_conversations.py NAME HOST PORT KEY PASSWORD

As conversations.py; the packages are unmodified, only mailbox and news server are in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

from hivemind_bus_client.message import HiveMessage, HiveMessageType
from hivemind_bus_client.protocol import HiveMindSlaveProtocol
from interop_kit import WITHIN, Heard, run
from ovos_bus_client.message import Message
from ovos_utils.fakebus import FakeBus

SPEAK = Message("speak", {"utterance": "hello"})


def hivescope(host: str, port: int, key: str, password: str) -> dict[str, object]:
    """Hubs, a relay and satellites in one process, the satellites by our protocol over its stand-in for a client."""
    from hivescope import TopologyBuilder

    topology = TopologyBuilder()
    master = topology.add_master("master")
    relay = topology.add_relay("relay", master, allowed_types=["speak"])
    ada = topology.add_satellite("ada", master, allowed_types=["speak"])
    bob = topology.add_satellite("bob", relay, allowed_types=["speak"])
    topology.start_all()
    heard = Heard()
    bob.internal_bus.on("speak", lambda message: heard(message.data["utterance"]))
    site = {"target_site_id": bob.identity.site_id}
    inner = HiveMessage(HiveMessageType.BUS, SPEAK, **site)
    master.send_to_all(HiveMessage(HiveMessageType.BROADCAST, inner, **site))
    told = {"through the relay": heard.wait()}
    ada.send(Message("speak", {"utterance": "up"}))
    told["up"] = [
        message.data["utterance"] for message in master.agent_protocol.injected if message.msg_type == "speak"
    ]
    ada.disconnect()
    ada.connect(master)  # with the key that was pinned: another handshake
    told["again"] = ada.wait_for_handshake()
    topology.stop_all()
    return told


class Post:
    """A mailbox, and a news server, in memory: who polls gets all that there is, newest first as news servers do."""

    def __init__(self, *, newest_first: bool) -> None:
        self._posted: list[SimpleNamespace] = []
        self._newest_first = newest_first
        self.replies = Heard()

    def put(self, subject: str, text: str, sender: str = "") -> None:
        self._posted.append(SimpleNamespace(subject=subject, text=text, sender=sender))

    def poll(self, *_: object, limit: int = 0) -> list[SimpleNamespace]:
        return self._posted[::-1] if self._newest_first else list(self._posted)

    get_articles = poll


class Mail(Post):
    def send(self, to_addr: str, subject: str, body: str) -> None:
        self.put(subject, body, "peer@example.org")
        self.replies(to_addr, body)


class News(Post):
    def post(self, text: str, subject: str, group: str) -> None:
        self.put(subject, text)
        self.replies(group, text)


class NoSecrets:
    """In the place of PGP keys, whose making takes a minute."""

    pubkey = "public"
    encrypt = staticmethod(lambda text, _key: text)
    decrypt = staticmethod(lambda text: text)


def carried(client: object, from_hub: object, to_hub: object, send: Callable[[bytes], None]) -> dict[str, object]:
    """A satellite whose frames are carried by mail or news, and the listener of a real hub at the other end."""
    from hivemind_core.protocol import HiveMindClientConnection
    from hivescope import TopologyBuilder
    from poorman_handshake import PasswordHandShake

    master = TopologyBuilder().add_master("master")
    master.register_satellite(key=client.key, password=client.password, allowed_types=["speak"])
    bus, heard = FakeBus(), Heard()
    bus.on("speak", lambda message: heard(message.data["utterance"]))
    client.connect(bus, site_id="post")
    connection = HiveMindClientConnection(
        key=client.key,
        name="post",
        send_msg=lambda payload, *_: send(payload if isinstance(payload, bytes) else payload.encode()),
        disconnect=lambda *_: None,
        pswd_handshake=PasswordHandShake(client.password),
        hm_protocol=master.hm_protocol,
    )
    master.hm_protocol.handle_new_client(connection)
    client.start()
    until = time.monotonic() + WITHIN
    while not client.handshake_event.wait(0.05) and time.monotonic() < until:
        for _, payload, *_ in to_hub():
            message = connection.decode(payload.decode()) if payload.startswith(b"{") else None
            if message is not None:
                master.hm_protocol.handle_message(message, connection)
    send(HiveMessage(HiveMessageType.BUS, SPEAK).serialize().encode())
    told = {"heard": heard.wait(), "protocol": type(client.protocol) is HiveMindSlaveProtocol}
    client.close()
    return told


def _identity(key: str, password: str) -> object:
    from hivescope.utils import make_identity

    return make_identity("post", password, key)


def email_satellite(host: str, port: int, key: str, password: str) -> dict[str, object]:
    from hivemind_email.carrier import EmailCarrier
    from hivemind_email.client import HiveMindEmailClient

    box = Mail(newest_first=False)
    ours, hubs = EmailCarrier(NoSecrets, box), EmailCarrier(NoSecrets, box)
    config = {"my_secret": "down", "hub_secret": "up", "hub_email": "hub@example.org", "poll_seconds": 0}
    client = HiveMindEmailClient(config, identity=_identity(key, password), _carrier=ours)
    return carried(client, ours, lambda: hubs.poll("up"), lambda data: hubs.send(data, "sat@example.org", "down", ""))


def usenet_satellite(host: str, port: int, key: str, password: str) -> dict[str, object]:
    from hivemind_usenet.carrier import UsenetCarrier
    from hivemind_usenet.client import HiveMindUsenetClient

    news = News(newest_first=True)
    ours, hubs = UsenetCarrier(NoSecrets, news), UsenetCarrier(NoSecrets, news)
    config = {"my_secret": "down", "hub_secret": "up", "poll_seconds": 0}
    client = HiveMindUsenetClient(config, identity=_identity(key, password), _carrier=ours)
    return carried(client, ours, lambda: hubs.poll("up"), lambda data: hubs.send(data, "down", ""))


def email_bridge(host: str, port: int, key: str, password: str) -> dict[str, object]:
    """Whoever writes gets an answer from the hive, by mail."""
    from hivemind_email.bridge import EmailBridge

    box = Mail(newest_first=False)
    bridge = EmailBridge(box, hive_host=host, hive_port=port, hive_key=key, hive_password=password)
    box.put("a question", "hello", "ada@example.org")
    bridge._poll_once()
    answer = box.replies.wait()
    bridge._hm_client.close()
    return {"answer": answer}


def usenet_bridge(host: str, port: int, key: str, password: str) -> dict[str, object]:
    from hivemind_usenet.bridge import UsenetBridge

    news = News(newest_first=True)
    login = {"hive_host": host, "hive_port": port, "hive_key": key, "hive_password": password}
    bridge = UsenetBridge(None, news, **login, my_secret="questions", reply_secret="answers", group="alt.test")
    news.put("questions", "hello")
    bridge._poll_once()
    answer = news.replies.wait()
    bridge._hm_client.close()
    return {"answer": answer}


if __name__ == "__main__":
    run({one.__name__: one for one in (hivescope, email_satellite, usenet_satellite, email_bridge, usenet_bridge)})
