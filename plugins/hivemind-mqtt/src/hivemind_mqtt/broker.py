"""One MQTT 3.1.1 connection to a broker: paho-mqtt on a socket that the SDK dialled, and never reconnected.

One link is one MQTT connection: a Noise session can't outlive a frame that was lost between two of them. Within one
connection QoS 1 adds nothing that a link needs: the broker's confirmation says nothing about the hub. It would cost
order (messages of one QoS can overtake those of the other) and time: as most brokers and clients leave Nagle's
algorithm on, its confirmations hold each answer back for 40 ms and more. So everything is QoS 0.

There is no thread: who publishes writes, and who waits for a message reads (`turn`). paho's own thread would cost two
hand-overs for each message, which is more than its sealing. paho is entered by one
thread at a time, with `_lock`.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from hivemind_sdk.contracts import Dial
from hivemind_sdk.errors import AuthenticationRefused, LinkClosed, NotEncodable, SettingsError, Unreachable
from hivemind_sdk.sockets import Deadline, ascii_host, open_socket, start_tls, tls_context

from . import MqttOptions
from .network import ReadAhead, Waiter, hang_up, ready

log = logging.getLogger(__name__)

_LONGEST_WAIT = 5.0
"""seconds between two looks at MQTT's own keep-alive"""
_MISC = 0.5
"""seconds between two looks at it while messages come"""
_SLICE = 0.2
"""seconds between two looks of who waits for a slow network at whether the link is closed"""
_REFUSED_LOGIN = (0x86, 0x87)
"""CONNACK: bad user name or password, not authorized (paho gives MQTT 5's numbers for both versions)"""
_FAILED = 0x80
"""SUBACK codes from here on grant nothing"""
_OK = MQTTErrorCode.MQTT_ERR_SUCCESS

Heard = Callable[[str, bytes, bool], None]
"""topic, payload, whether the broker had retained it; called by `turn`, must not raise"""


class _Client(Client):
    """paho's client on a socket that is connected already.

    paho has no public way to hand one over, and its own dialling knows neither the proxy, the pin nor the deadline of
    a Dial.
    """

    dialled: ReadAhead

    def _create_socket(self) -> ReadAhead:
        return self.dialled


class Broker:
    """An open connection. One thread at a time calls `turn`; `publish` and `close` can be called by any thread."""

    def __init__(self, dial: Dial, options: MqttOptions, client_id: str, heard: Heard) -> None:
        self._dial = dial
        self._options = options
        self._heard = heard
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._answer: int | None = None
        """CONNACK's code"""
        self._granted: list[int] | None = None
        """SUBACK's codes"""
        self._closing = False
        self._turning = False
        """a thread waits for the socket, so that nobody else may close it"""
        self._cause = ""
        """paho's words for why the connection ended"""
        self._end: str | None = None
        self._pause = min(_LONGEST_WAIT, max(1.0, dial.keepalive / 4))
        self._socket: socket.socket | None = None
        self._ahead: ReadAhead | None = None
        self._waiter = Waiter()
        self._misc_at = 0.0
        """when paho's keep-alive is looked at next, in monotonic seconds"""
        self._client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )

    def open(self, deadline: Deadline, will: tuple[str, bytes]) -> None:
        """Dial and CONNECT. `will`: topic and payload, published retained by the broker if the connection breaks.

        Raises Unreachable, LinkTimeout, AuthenticationRefused, SettingsError. `close` is still to be called then.
        """
        client, dial = self._client, self._dial
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.will_set(will[0], will[1], qos=1, retain=True)
        if self._options.username:
            client.username_pw_set(self._options.username, self._options.password or None)
        self._socket = sock = self._dialled(deadline)
        self._ahead = client.dialled = ReadAhead(sock)
        self._waiter.watch(sock)
        with self._lock:
            client.connect(ascii_host(dial.endpoint.host), dial.endpoint.port, _keepalive(dial))
        try:
            self._turn_until(lambda: self._answer is not None, deadline)
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
        with self._lock:
            self._client.subscribe([(topic, 0) for topic in topics])
        self._turn_until(lambda: self._granted is not None, deadline)
        return [code < _FAILED for code in self._granted or ()]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, within: float | None = None) -> None:
        """Give a message to the network. `within`: seconds that it may take nothing; None does not wait.

        Raises LinkClosed where it was not handed over, NotEncodable where MQTT can't carry it.
        """
        with self._lock:
            if self._end is not None or (self._closing and within is not None):
                raise LinkClosed(self._end or "the link was closed by this side", code=1006)
            try:
                handed = self._client.publish(topic, payload, qos=0, retain=retain)
            except ValueError:
                raise NotEncodable(f"a message of {len(payload)} bytes is too long for MQTT") from None
            self._look(handed.rc)
            if handed.rc != _OK:
                raise LinkClosed("the connection to the broker is lost", code=1006)
            written = not self._client.want_write()
        if not written and within is not None:
            self._write(within)
        elif not written:
            self._waiter.wake()  # who reads writes the rest

    def turn(self, seconds: float | None) -> None:
        """Wait for the network, for so long at most (None: as long as it takes), and do what is due. May return early.

        Raises LinkClosed at the end of the connection.
        """
        client = self._client
        with self._lock:
            held = self._open_socket().pending()
            wanted = client.want_write()
            self._turning = True
        seconds = self._pause if seconds is None else min(self._pause, max(0.0, seconds))
        try:
            found = held or self._waiter.wait(seconds, write=wanted)
        except (OSError, ValueError):  # paho has closed it meanwhile
            found = False
        finally:
            self._turning = False
            if self._closing:
                with self._lock:
                    self._changed.notify_all()
        with self._lock:
            if found:
                self._do(client.loop_read)
            if wanted:
                self._do(client.loop_write)
            if (moment := time.monotonic()) >= self._misc_at:
                self._misc_at = moment + _MISC
                self._do(client.loop_misc)
            if self._end is not None:
                self._open_socket()

    def refuse(self) -> None:
        """Whoever waits in `publish` is let go, and nobody can publish any more but without waiting."""
        with self._lock:
            self._closing = True
            self._changed.notify_all()

    def close(self, end: float) -> None:
        """What was published still goes out, until `end` (monotonic seconds); then the connection is dropped."""
        self.refuse()
        with self._lock:
            kept = self._goodbye() if self._end is None and self._answer == 0 else None
        while self._end is None and self._client.want_write() and (left := end - time.monotonic()) > 0:
            if not self._write_some(left):
                break
        if kept is not None:
            with kept:
                hang_up(kept, end)
        self.abort()
        with self._lock:
            self._changed.wait_for(lambda: not self._turning, max(0.0, end - time.monotonic()))
            self._release()

    def abort(self) -> None:
        """Drop the connection: the broker publishes the will."""
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # not SSLSocket's: another thread uses that one
        with self._lock:
            self._finish()

    # --- inside ---

    def _goodbye(self) -> socket.socket:
        """DISCONNECT, behind all that was published. -> the same connection: paho closes its own when that is written.

        Closed with something unread, it would be reset, and the broker would lose what it has not read yet.
        """
        kept = socket.socket(fileno=os.dup(self._open_socket().fileno()))
        self._look(self._client.disconnect())
        return kept

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

    def _turn_until(self, condition: Callable[[], bool], deadline: Deadline) -> None:
        while not condition():
            self.turn(deadline.left("upgrade"))

    def _open_socket(self) -> ReadAhead:
        """With the lock held. Raises LinkClosed at the end of the connection, of which nothing is left open then."""
        if self._end is not None or self._ahead is None:
            self._release()
            raise LinkClosed(self._end or "the connection was not opened", code=1006)
        return self._ahead

    def _do(self, step: Callable[[], MQTTErrorCode]) -> None:
        """One of paho's steps, with the lock held."""
        if self._end is not None:
            return
        try:
            self._look(step())
        except Exception as error:  # whatever a broken packet leads to in paho
            log.debug("the connection to the broker failed", exc_info=error)
            self._finish()

    def _look(self, code: MQTTErrorCode) -> None:
        """With the lock held: end the connection where paho has."""
        if self._end is None and (code != _OK or self._client.socket() is None):
            self._finish()

    def _finish(self) -> None:
        """With the lock held."""
        if self._end is None:
            self._end = f"the connection to the broker is lost{self._cause and ': '}{self._cause}"
            client = self._client
            client.on_connect = client.on_disconnect = client.on_message = client.on_subscribe = None
            self._waiter.wake()
            self._changed.notify_all()

    def _release(self) -> None:
        """With the lock held, and nobody waiting for the socket."""
        if self._socket is not None:
            self._socket.close()
        self._waiter.close()

    def _write(self, patience: float) -> None:
        """All that is published. Raises LinkClosed after so many seconds in which the network took nothing."""
        taken = time.monotonic()
        while self._client.want_write():
            if self._end is not None or self._closing:
                raise LinkClosed(self._end or "the link was closed by this side", code=1006)
            if self._write_some(min(patience, _SLICE)):
                taken = time.monotonic()
            elif time.monotonic() - taken >= patience:
                raise LinkClosed(f"the network has taken nothing for {patience:g} s", code=1006)

    def _write_some(self, seconds: float) -> bool:
        """Whether the network took something within so many seconds, or has ended."""
        sock = self._socket
        try:
            if sock is None or not ready(sock, seconds, write=True):
                return False
        except (OSError, ValueError):  # paho has closed it meanwhile
            return True
        with self._lock:
            self._do(self._client.loop_write)
        return True

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self._answer = code.value

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self._cause = str(code).lower()

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, codes: list[Any], _properties: Any) -> None:
        self._granted = [code.value for code in codes]

    def _on_message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        self._heard(message.topic, bytes(message.payload), message.retain)


def _keepalive(dial: Dial) -> int:
    """In MQTT's whole seconds; 0: none."""
    return min(65_535, math.ceil(dial.keepalive))
