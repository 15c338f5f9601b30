"""An MQTT 3.1.1 broker of our own making, and the hub's end of a link over any broker."""

from __future__ import annotations

import queue
import socket
import struct
import threading
from contextlib import suppress

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from hivemind_sdk.contracts import Dial, TransportFeatures
from hivemind_sdk.errors import LinkClosed, LinkTimeout, NotEncodable
from hivemind_sdk.settings import Credentials, Endpoint

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14


class StubBroker:
    """`login`: a user name and password that it wants. `denied`: topics' last levels that can't be subscribed to.

    `hidden`: last levels that are granted, and never delivered. `silent` is set: it answers nothing more.
    """

    def __init__(self, login=None, denied=(), hidden=(), tls=None):
        self._tls = tls
        self.login, self.denied, self.hidden = login, denied, hidden
        self.silent = threading.Event()
        self.published = queue.Queue()  # (topic, payload, retained)
        self._lock = threading.RLock()
        self._greeted = threading.Semaphore(0)
        self._sessions, self.retained = {}, {}
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.drop()

    def drop(self):
        """All connections, as when the broker dies."""
        with self._lock:
            sessions = list(self._sessions.values())
        for session in sessions:
            session.hang_up()

    def publish(self, topic, payload, retained=False):
        with self._lock:
            self.published.put((topic, payload, retained))
            if retained:
                self.retained[topic] = payload
            for session in list(self._sessions.values()):
                if any(_matches(wanted, topic) for wanted in session.wanted):
                    session.deliver(topic, payload)
        if topic.endswith("/in") and payload.startswith(b'{"msg_type": "hello"'):
            self._greeted.release()

    def wait_for_greeting(self, links=1):
        """Until so many more links are open on their side."""
        for _ in range(links):
            assert self._greeted.acquire(timeout=10)

    def next_published(self, level, timeout=10):
        """The next payload on a topic that ends so."""
        while True:
            topic, payload, _ = self.published.get(timeout=timeout)
            if topic.rpartition("/")[2] == level:
                return payload

    def _accept(self):
        with suppress(OSError):
            while True:
                sock, _ = self._server.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            secured = self._tls.wrap_socket(sock, server_side=True) if self._tls else sock
        except OSError:  # the client does not trust the certificate, or has none
            sock.close()
        else:
            _Session(self, secured).serve()

    def enter(self, session):
        with self._lock:
            before, self._sessions[session.client] = self._sessions.get(session.client), session
        if before is not None:  # its will goes out before the new one is answered, as with Mosquitto
            will, before.will = before.will, None
            before.hang_up()
            if will is not None:
                self.publish(*will, retained=True)

    def leave(self, session):
        with self._lock:
            if self._sessions.get(session.client) is session:
                del self._sessions[session.client]
        if session.will is not None:
            self.publish(*session.will, retained=True)


class _Session:
    """One client."""

    def __init__(self, broker, sock):
        self.broker, self.sock = broker, sock
        self.client, self.will, self.wanted = None, None, set()
        self._writing = threading.Lock()

    def serve(self):
        try:
            while True:
                kind, flags, body = self._packet()
                if not self.broker.silent.is_set():
                    self._HANDLE[kind](self, flags, body)
                if kind == DISCONNECT:
                    break
        except (OSError, EOFError):
            pass
        finally:
            if self.client is not None:
                self.broker.leave(self)
            self.sock.close()

    def hang_up(self):
        with suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # not SSLSocket's: a thread reads from that

    def deliver(self, topic, payload, *, retained=False):
        if topic.rpartition("/")[2] not in self.broker.hidden and not self.broker.silent.is_set():
            with suppress(OSError):
                self._write(PUBLISH, _text(topic) + payload, flags=int(retained))

    def _connect(self, _, body):
        flags = body[7]
        fields = iter(_fields(body[10:]))
        self.client = next(fields)
        if flags & 0x04:
            self.will = next(fields).decode(), next(fields)
        login = tuple(next(fields).decode() for bit in (0x80, 0x40) if flags & bit)
        refused = self.broker.login is not None and login != self.broker.login
        if refused:
            self.client = self.will = None
        else:
            self.broker.enter(self)
        self._write(CONNACK, bytes([0, 4 if refused else 0]))

    def _subscribe(self, _, body):
        topics, rest = [], body[2:]
        while rest:
            size = struct.unpack(">H", rest[:2])[0]
            topics.append(rest[2 : 2 + size].decode())
            rest = rest[3 + size :]
        granted = [topic for topic in topics if topic.rpartition("/")[2] not in self.broker.denied]
        self._write(SUBACK, body[:2] + bytes(0 if topic in granted else 0x80 for topic in topics))
        self.wanted.update(granted)
        for topic, payload in list(self.broker.retained.items()):
            if any(_matches(wanted, topic) for wanted in granted):
                self.deliver(topic, payload, retained=True)

    def _publish(self, flags, body):
        size = struct.unpack(">H", body[:2])[0]
        topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
        if flags & 0x06:
            self._write(PUBACK, rest[:2])
            rest = rest[2:]
        self.broker.publish(topic, rest, bool(flags & 1))

    def _write(self, kind, body, flags=0):
        size, head = len(body), bytearray([kind << 4 | flags])
        while True:
            size, digit = divmod(size, 128)
            head.append(digit | (0x80 if size else 0))
            if not size:
                break
        with self._writing:
            self.sock.sendall(bytes(head) + body)

    def _packet(self):
        first = self._read(1)[0]
        size = shift = 0
        while True:
            digit = self._read(1)[0]
            size |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return first >> 4, first & 0x0F, self._read(size)

    def _read(self, size):
        parts = bytearray()
        while len(parts) < size:
            part = self.sock.recv(size - len(parts))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    _HANDLE = {  # noqa: RUF012
        CONNECT: _connect,
        SUBSCRIBE: _subscribe,
        PUBLISH: _publish,
        PUBACK: lambda *_: None,
        PINGREQ: lambda self, *_: self._write(PINGRESP, b""),
        DISCONNECT: lambda self, *_: setattr(self, "will", None),
    }


def _text(text):
    return struct.pack(">H", len(text.encode())) + text.encode()


def _fields(body):
    while body:
        size = struct.unpack(">H", body[:2])[0]
        yield body[2 : 2 + size]
        body = body[2 + size :]


def _matches(wanted, topic):
    levels, found = wanted.split("/"), topic.split("/")
    return len(levels) == len(found) and all(one in ("+", other) for one, other in zip(levels, found, strict=True))


def dial_to(port, path="", **changes):
    fields = {"timeout": 10.0, "credentials": Credentials("the-key", "a-password"), "useragent": "test"} | changes
    fields.setdefault("endpoint", Endpoint("mqtt", "127.0.0.1", port, path))
    return Dial(**fields)


# --- the hub's side -------------------------------------------------------------------------------------------------


class HubSide:
    """Subscribes to `in` and `status` of everybody, as hivemind-mqtt-protocol does, and gives each link to `accept`."""

    def __init__(self, port, accept, useragent):
        self._accept, self._useragent = accept, useragent
        self._links = {}
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, "the-hub")
        self._client.max_queued_messages_set(0)
        self._client.on_connect = lambda client, *_: client.subscribe([("hivemind/+/in", 1), ("hivemind/+/status", 1)])
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(10)

    def stop(self):
        for link in list(self._links.values()):
            link.close()
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_message = None
        self._client = None  # paho closes its wake-up sockets with the object

    def publish(self, key, level, payload, *, retain=False):
        qos = 1 if retain or isinstance(payload, str) else 0
        return self._client.publish(f"hivemind/{key}/{level}", payload, qos=qos, retain=retain)

    def _on_message(self, _client, _data, message):
        _, key, level = message.topic.split("/")
        link = self._links.get(key)
        if level == "status":
            if message.payload == b"offline" and link is not None:
                del self._links[key]
                link.end()
        elif link is not None:
            link.heard(message.payload)
        else:
            link = self._links[key] = FarEnd(self, key)
            threading.Thread(target=self._serve, args=(link, key), daemon=True).start()

    def _serve(self, link, key):
        self._accept(link, Credentials(key).token(self._useragent), "127.0.0.1")
        link.close()


class FarEnd:
    """A contracts.Transport on the hub's side of a link."""

    features = TransportFeatures(typed=False)

    def __init__(self, hub, key):
        self._hub, self._key = hub, key
        self._arrived = queue.SimpleQueue()
        self._session = self._over = False

    def heard(self, payload):
        if not self._session:
            try:
                self._arrived.put(payload.decode())
                return
            except UnicodeDecodeError:
                self._session = True
        self._arrived.put(payload)

    def end(self):
        self._over = True
        self._arrived.put(None)

    def send(self, frame):
        if self._over:
            raise LinkClosed
        self._session = self._session or isinstance(frame, bytes)
        try:
            sent = self._hub.publish(self._key, "out", frame)
        except UnicodeEncodeError:
            raise NotEncodable from None
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkClosed

    def receive(self, timeout=None):
        try:
            frame = self._arrived.get(timeout=timeout)
        except queue.Empty:
            raise LinkTimeout(phase="receive") from None
        if frame is None:
            self._arrived.put(None)
            raise LinkClosed
        return frame

    def close(self, code=1000, reason="", timeout=2.0):
        if not self._over:
            self.end()
            self._hub._links.pop(self._key, None)
            self._hub.publish(self._key, "status", "offline", retain=True)
