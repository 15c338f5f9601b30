"""The frames of one link on the topics of one access key, and the retained status that says who is there.

PREFIX/KEY/in: from the satellite. PREFIX/KEY/out: from the hub. PREFIX/KEY/status: `online` or `offline`, retained,
from the satellite, its will and the hub.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import deque
from contextlib import suppress

from hivemind_sdk.contracts import Dial, Frame, TransportFeatures
from hivemind_sdk.errors import (
    AuthenticationRefused,
    HiveMindError,
    LimitExceeded,
    LinkClosed,
    LinkError,
    LinkTimeout,
    NotEncodable,
    SettingsError,
    Unreachable,
)
from hivemind_sdk.sockets import Deadline

from . import MqttOptions
from .broker import Broker

log = logging.getLogger(__name__)

ONLINE, OFFLINE = b"online", b"offline"
BOOTSTRAP = b'{"msg_type": "hello", "payload": {}}'
"""the hub speaks to an access key only after a frame from it; what this one says is not authenticated, so: nothing"""
_FORGOTTEN = b'{"msg_type":'
"""a payload that begins so in a session is a greeting: the hub has restarted, and no longer knows the session"""
_ENDED = 1005
"""stands for an end without a code: MQTT has none"""

_CLEANED_WITHIN = 1.0
"""seconds to end a connection that is dropped"""


def open_link(dial: Dial, options: MqttOptions) -> MqttTransport:
    """See MqttConnector.connect."""
    deadline = Deadline(dial.timeout)
    transport = MqttTransport(dial, options)
    try:
        transport.open(deadline)
    except LinkClosed as error:
        transport.close(1006, "", _CLEANED_WITHIN)
        raise Unreachable(f"the broker ended the connection: {error}", hint="the broker's log says why") from None
    except BaseException:
        transport.close(1006, "", _CLEANED_WITHIN)
        raise
    return transport


class MqttTransport:
    """See contracts.Transport. `send` returns when the frame is handed to paho, and waits while the broker is slow.

    MQTT 3.1.1 does not tell text from bytes. In a HiveMind link all text comes before the session, and all frames of
    the session are bytes; so frames are bytes from the first one on that this side sends, or that is no UTF-8.
    """

    def __init__(self, dial: Dial, options: MqttOptions) -> None:
        topics = _topics(dial, options)
        self._in, self._out, self._status = (f"{topics}/{name}" for name in ("in", "out", "status"))
        self.features = TransportFeatures(typed=False, silence=options.silence or None)
        self._dial, self._settle = dial, options.settle
        self._broker = Broker(dial, options, options.client_id or _client_id(topics), self._heard)
        self._frames: deque[Frame] = deque()
        self._last: HiveMindError | None = None
        """raised once, before the end"""
        self._ended: LinkClosed | None = None
        self._ending = threading.Lock()
        self._begun = self._online = self._greeted = self._session = self._status_came = False
        self._closing = threading.Lock()

    def open(self, deadline: Deadline) -> None:
        """Connect, end what the hub still has under this key, and greet the hub."""
        self._broker.open(deadline, will=(self._status, OFFLINE))
        if not all(self._broker.subscribe([self._status, self._out], deadline)):
            raise AuthenticationRefused(
                "the broker does not let this satellite read its own topics",
                hint="its ACL has to allow: read PREFIX/KEY/out, read and write PREFIX/KEY/status, write PREFIX/KEY/in",
            )
        self._broker.publish(self._status, OFFLINE, retain=True)
        quiet = time.monotonic() + self._settle
        while (left := quiet - time.monotonic()) > 0:
            self._status_came = False
            self._broker.turn(min(left, deadline.left("upgrade")))
            if self._status_came:  # this side's own message, or the hub's about a link that it has just ended
                quiet = time.monotonic() + self._settle
        self._begun = True
        self._broker.publish(self._status, ONLINE, retain=True)
        self._broker.publish(self._in, BOOTSTRAP)

    def send(self, frame: Frame) -> None:
        payload = frame if isinstance(frame, bytes) else _encoded(frame)
        if isinstance(frame, bytes):
            self._session = True
        if self._ended is not None:
            raise _again(self._ended)
        try:
            self._broker.publish(self._in, payload, within=self._dial.send_timeout)
        except LinkClosed as error:
            raise _again(self._end(error)) from None

    def receive(self, timeout: float | None = None) -> Frame:
        until = None if timeout is None else time.monotonic() + timeout
        left = timeout
        while not self._frames:
            if self._ended is not None:
                last, self._last = self._last, None
                raise last or _again(self._ended)
            try:
                self._broker.turn(left)
            except LinkClosed as error:
                self._end(error)
                continue
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0 and not self._frames:
                raise LinkTimeout(phase="receive")
        return self._frames.popleft()

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        end = time.monotonic() + timeout
        self._end(LinkClosed("the link was closed by this side", code=code, reason=reason))
        self._broker.refuse()
        if code == 1006:
            self._broker.abort()
        if self._closing.acquire(blocking=False):  # never given back: one goodbye is enough
            with suppress(LinkError):
                self._broker.publish(self._status, OFFLINE, retain=True)
            self._broker.close(end)

    # --- in the thread that receives ---

    def _heard(self, topic: str, payload: bytes, retained: bool) -> None:
        if topic == self._status:
            self._status_heard(payload, retained)
        elif topic == self._out and self._begun and not retained:
            self._frame_heard(payload)

    def _status_heard(self, payload: bytes, retained: bool) -> None:
        """What the broker had retained is about the past, and what came before our own `online` about an older link."""
        self._status_came = True
        if retained or not self._begun:
            return
        if payload == ONLINE:
            self._online = True
        elif payload == OFFLINE and self._online:
            self._drop(LinkClosed("the hub ended the link; MQTT carries no reason", code=_ENDED))

    def _frame_heard(self, payload: bytes) -> None:
        if len(payload) > self._dial.max_frame:
            self._drop(
                LinkClosed("a frame was too long", code=1009),
                LimitExceeded(
                    f"a frame of {len(payload)} bytes came, and {self._dial.max_frame} are allowed",
                    hint="raise Limits.frame if the hub is trusted",
                ),
            )
        elif self._session and payload.startswith(_FORGOTTEN):
            self._drop(LinkClosed("the hub greets anew: it has forgotten this session", code=_ENDED))
        elif self._session:
            self._frames.append(payload)
        else:
            self._first_heard(payload)

    def _first_heard(self, payload: bytes) -> None:
        """Before the session, or the first frame of it."""
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            if self._greeted:  # else it is a late frame of an older link
                self._session = True
                self._frames.append(payload)
            return
        if not self._greeted and not self._online:
            log.warning(
                "the broker's ACL hides this satellite's own status topic: a link that the hub ends is noticed late"
            )
        self._greeted = True
        self._frames.append(text)

    def _end(self, end: LinkClosed) -> LinkClosed:
        """-> how the link has ended; only the first call says so."""
        with self._ending:
            self._ended = self._ended or end
            return self._ended

    def _drop(self, end: LinkClosed, last: HiveMindError | None = None) -> None:
        """Nothing that comes after this counts."""
        if self._end(end) is end:
            self._last = last
            self._broker.abort()


def _again(end: LinkClosed) -> LinkClosed:
    """A new exception that says the same."""
    return LinkClosed(str(end), code=end.code, reason=end.reason)


def _topics(dial: Dial, options: MqttOptions) -> str:
    """PREFIX/KEY. Raises SettingsError, without the key, for what can't be a part of a topic."""
    prefix, key = dial.endpoint.path.strip("/") or options.prefix, dial.credentials.access_key
    if not key or any(mark in key for mark in "/+#\0"):
        raise SettingsError(
            "the access key can't be used over MQTT: it is empty, or holds '/', '+' or '#'",
            hint="it is a level of MQTT topics; have the hub make another key: `hivemind-core add-client`",
        )
    if not prefix or any(mark in prefix for mark in "+#\0"):
        raise SettingsError(f"the topic prefix {prefix[:40]!r} can't be used", hint="give the hub's `topic_prefix`")
    return f"{prefix}/{key}"


def _client_id(topics: str) -> str:
    """The same for each connection of a satellite: the broker then drops what it still has of the one before.

    23 characters of letters and digits, which every broker takes.
    """
    return f"hivemind{hashlib.sha256(topics.encode()).hexdigest()[:15]}"


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass  # raised below, so that no text hangs on the error
    raise NotEncodable("the text frame holds a lone surrogate, which UTF-8 can't carry")
