"""One MQTT 3.1.1 connection to a broker: paho-mqtt on a socket that the SDK dialled, and never reconnected.

One link is one MQTT connection: a Noise session can't outlive a frame that was lost between two of them. Within one
connection QoS 1 adds nothing that a link needs: the broker's confirmation says nothing about the hub. It would cost
order (messages of one QoS can overtake those of the other) and time: as most brokers and clients leave Nagle's
algorithm on, its confirmations hold each answer back for 40 ms and more. So everything is QoS 0.
"""

from __future__ import annotations

import logging
import math
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from hivemind_sdk.contracts import Dial
from hivemind_sdk.errors import AuthenticationRefused, LinkClosed, NotEncodable, SettingsError, Unreachable
from hivemind_sdk.sockets import Deadline, ascii_host, open_socket, start_tls, tls_context

from . import MqttOptions

log = logging.getLogger(__name__)

MAX_UNSENT = 1 << 20
"""bytes that may wait for the network before `publish` blocks"""
_LONGEST_WAIT = 5.0
"""seconds between two looks at MQTT's own keep-alive"""
_REFUSED_LOGIN = (0x86, 0x87)
"""CONNACK: bad user name or password, not authorized (paho gives MQTT 5's numbers for both versions)"""
_FAILED = 0x80
"""SUBACK codes from here on grant nothing"""


@dataclass(frozen=True)
class Heard:
    """What happens on the connection. Called on its thread; must not raise."""

    message: Callable[[str, bytes, bool], None]
    """topic, payload, whether the broker had retained it"""
    ended: Callable[[str], None]
    """why the connection ended; once"""


class _Client(Client):
    """paho's client on a socket that is connected already.

    paho has no public way to hand one over, and its own dialling knows neither the proxy, the pin nor the deadline of
    a Dial.
    """

    dialled: socket.socket

    def _create_socket(self) -> socket.socket:
        return self.dialled


class Broker:
    """An open connection. `publish` and `close` can be called by any thread."""

    def __init__(self, dial: Dial, options: MqttOptions, client_id: str, heard: Heard) -> None:
        self._dial = dial
        self._options = options
        self._heard = heard
        self._changed = threading.Condition()
        self._unsent: deque[int] = deque()
        """sizes of what is published and not written, oldest first"""
        self._unsent_bytes = 0
        self._answer: int | None = None
        """CONNACK's code"""
        self._granted: list[int] | None = None
        """SUBACK's codes"""
        self._closing = False
        self._cause = ""
        """paho's words for why the connection ended"""
        self._end: str | None = None
        self._socket: socket.socket | None = None
        self._client: _Client | None = _Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        self._thread = threading.Thread(target=self._run, args=(self._client,), name="hivemind-mqtt", daemon=True)

    def open(self, deadline: Deadline, will: tuple[str, bytes]) -> None:
        """Dial and CONNECT. `will`: topic and payload, published retained by the broker if the connection breaks.

        Raises Unreachable, LinkTimeout, AuthenticationRefused, SettingsError. Nothing is left open then.
        """
        client, dial = self._opened(), self._dial
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_socket_register_write = _left_to_the_loop
        client.will_set(will[0], will[1], qos=1, retain=True)
        if self._options.username:
            client.username_pw_set(self._options.username, self._options.password or None)
        self._socket = client.dialled = self._dialled(deadline)
        client.connect(ascii_host(dial.endpoint.host), dial.endpoint.port, _keepalive(dial))
        self._thread.start()
        try:
            self._wait(lambda: self._answer is not None, deadline)
        except LinkClosed as error:
            if self._answer is None:
                raise Unreachable(
                    f"no MQTT broker answers at {dial.endpoint.host!r}, port {dial.endpoint.port}: {error}",
                    hint="check the port (1883, with TLS 8883) and the scheme (mqtt or mqtts)",
                ) from None
        if self._answer in _REFUSED_LOGIN:
            raise AuthenticationRefused(
                "the broker refused its user name, password or certificate",
                code=self._answer,
                hint="set the plugin's options `username` and `password`: they are the broker's, not the access key",
            )
        if self._answer:
            raise Unreachable(
                f"the broker refused the connection with code {self._answer:#x}", hint="the broker's log says why"
            )

    def subscribe(self, topics: list[str], deadline: Deadline) -> list[bool]:
        """-> which of them the broker grants. Raises LinkClosed, LinkTimeout."""
        self._opened().subscribe([(topic, 0) for topic in topics])
        self._wait(lambda: self._granted is not None, deadline)
        return [code < _FAILED for code in self._granted or ()]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, within: float | None = None) -> None:
        """Queue a message for the broker. `within`: seconds that the network may take nothing; None does not wait.

        Raises LinkClosed where it was not handed over, NotEncodable where MQTT can't carry it.
        """
        with self._changed:
            if within is not None:
                self._wait_for_room(within)
            if self._end is not None or (self._closing and within is not None):
                raise LinkClosed(self._end or "the link was closed by this side", code=1006)
            client = self._opened()
            self._unsent.append(len(payload))
            self._unsent_bytes += len(payload)
        try:  # without the lock: paho may hold its own while it calls `_on_publish`
            handed = client.publish(topic, payload, qos=0, retain=retain)
        except ValueError:
            with self._changed:
                self._unsent_bytes -= self._unsent.pop()
            raise NotEncodable(f"a message of {len(payload)} bytes is too long for MQTT") from None
        if handed.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkClosed("the connection to the broker is lost", code=1006)

    def refuse(self) -> None:
        """Whoever waits in `publish` is let go, and nobody can publish any more but without waiting."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def close(self, end: float) -> None:
        """What was published still goes out, until `end` (monotonic seconds); then the connection is dropped."""
        self.refuse()
        if not self._thread.is_alive():  # it was never opened, or has ended
            return
        if (client := self._client) is not None:
            client.disconnect()  # written behind all that was published
            self._thread.join(max(0.0, end - time.monotonic()))
        self.abort()
        self._thread.join(max(0.0, end - time.monotonic()))

    def abort(self) -> None:
        """Drop the connection: the broker publishes the will."""
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # not SSLSocket's: another thread uses that one

    # --- inside ---

    def _opened(self) -> _Client:
        if self._client is None:
            raise LinkClosed(self._end or "", code=1006)
        return self._client

    def _dialled(self, deadline: Deadline) -> socket.socket:
        dial, options = self._dial, self._options
        secure = dial.endpoint.scheme == "mqtts"
        if not (secure and options.certificate):
            return open_socket(dial, deadline, secure=secure)
        context = tls_context(dial.tls)
        try:
            context.load_cert_chain(options.certificate, options.certificate_key or None)
        except OSError as error:  # ssl.SSLError is one
            raise SettingsError(
                f"the client certificate {options.certificate!r} can't be used: {error.strerror or 'no PEM pair'}",
                hint="give PEM files as `certificate` and `certificate_key`",
            ) from None
        host = ascii_host(dial.endpoint.host).partition("%")[0]
        return start_tls(open_socket(dial, deadline, secure=False), context, host, dial.tls.pin, deadline)

    def _run(self, client: _Client) -> None:
        """The connection's thread."""
        pause = min(_LONGEST_WAIT, max(1.0, self._dial.keepalive / 4))
        try:
            while client.loop(pause) == MQTTErrorCode.MQTT_ERR_SUCCESS:
                pass
        except Exception as error:  # whatever a broken packet leads to in paho
            log.debug("the connection to the broker failed", exc_info=error)
        client.on_connect = client.on_disconnect = client.on_message = client.on_publish = client.on_subscribe = None
        client.on_socket_register_write = None
        if self._socket is not None:
            self._socket.close()
        end = f"the connection to the broker is lost{self._cause and ': '}{self._cause}"
        with self._changed:
            self._end, self._client = end, None  # with paho's client, its wake-up sockets are closed
            self._changed.notify_all()
        self._heard.ended(end)

    def _wait(self, condition: Callable[[], Any], deadline: Deadline) -> None:
        with self._changed:
            self._changed.wait_for(lambda: condition() or self._end is not None, deadline.left("upgrade"))
            if self._end is not None:
                raise LinkClosed(self._end, code=1006)
            if not condition():
                raise deadline.timeout("upgrade")

    def _wait_for_room(self, seconds: float) -> None:
        """With the lock held. Raises LinkClosed after so many seconds in which the network took nothing."""
        while self._unsent_bytes >= MAX_UNSENT and not self._closing and self._end is None:
            if not self._changed.wait(seconds):
                raise LinkClosed(f"the network has taken nothing for {seconds:g} s", code=1006)

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        with self._changed:
            self._answer = code.value
            self._changed.notify_all()

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self._cause = str(code).lower()

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, codes: list[Any], _properties: Any) -> None:
        with self._changed:
            self._granted = [code.value for code in codes]
            self._changed.notify_all()

    def _on_publish(self, *_: Any) -> None:
        with self._changed:
            self._unsent_bytes -= self._unsent.popleft()
            self._changed.notify_all()

    def _on_message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        self._heard.message(message.topic, bytes(message.payload), message.retain)


def _left_to_the_loop(*_: Any) -> None:
    """That paho has such a callback keeps it from writing on the thread that publishes, beside its own loop."""


def _keepalive(dial: Dial) -> int:
    """In MQTT's whole seconds; 0: none."""
    return min(65_535, math.ceil(dial.keepalive))
