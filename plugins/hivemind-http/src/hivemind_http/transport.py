"""Frames over requests: each one we send is a POST, those of the hub are asked for by a thread of the link's own."""

from __future__ import annotations

import base64
import binascii
import queue
import threading
import time
from contextlib import suppress

from hivemind_sdk.contracts import Dial, Frame, TransportFeatures
from hivemind_sdk.errors import (
    HiveMindError,
    LimitExceeded,
    LinkClosed,
    LinkTimeout,
    MalformedFrame,
    NotEncodable,
    Unreachable,
)
from hivemind_sdk.sockets import describe_status

from . import HttpOptions
from .channel import Channel, JSONObject

MAX_SENT = 700_000
"""bytes of a frame: a hub takes requests of 1 MiB, and base64 in a form makes of three bytes a little more than four"""
_SLOWER = 1.5
_ENDED = 1005
"""what stands for the end of a session without a code: HTTP has none"""


def open_link(dial: Dial, options: HttpOptions) -> HttpTransport:
    """See HttpConnector.connect."""
    end = time.monotonic() + dial.timeout
    cookies: dict[str, str] = {}
    channel = Channel(dial, options.request_timeout, cookies)

    def ask(call: str) -> tuple[int, JSONObject]:
        left = end - time.monotonic()
        if left <= 0:
            raise LinkTimeout(f"no link within {dial.timeout:g} s: it hung at upgrade", phase="upgrade")
        return channel.request("POST", call, within=left)

    try:
        # a session that is still there under this key would be continued without a greeting
        status, answer = ask("disconnect")
        if status == 200:
            status, answer = ask("connect")
    except LinkClosed as error:
        raise Unreachable(str(error), hint="check port and scheme") from None
    except LinkTimeout as error:
        channel.close()
        raise LinkTimeout(str(error), phase="upgrade" if error.phase == "receive" else error.phase) from None
    except BaseException:
        channel.close()
        raise
    if status != 200 or answer.get("status") != "Connected":
        channel.close()
        raise Unreachable(
            f"no hub there that speaks HTTP: the answer is {describe_status(status)}",
            hint="is hivemind-http-protocol running there? Check port (5679, unless it was set) and path",
        )
    return HttpTransport(channel, Channel(dial, options.request_timeout, cookies), options, dial.max_frame)


class HttpTransport:
    """See contracts.Transport. `send` returns when the hub has taken the frame.

    A hub has two queues, for text and for binary frames, and tells nothing of the order between them. What is known: a
    session's frames are all binary, and what comes before it, all text. So the binary queue is asked first and handed
    on last: whatever text was queued before a binary frame is in the text answer that follows.
    """

    features = TransportFeatures(ordered=False, keepalive=True, confirms=True, max_frame=MAX_SENT)

    def __init__(self, sending: Channel, asking: Channel, options: HttpOptions, max_frame: int) -> None:
        self._sending, self._asking = sending, asking
        self._options = options
        self._max_frame = max_frame
        self._inbox: queue.SimpleQueue[Frame | HiveMindError] = queue.SimpleQueue()
        self._using = threading.Lock()
        """held by who uses the sending channel"""
        self._traffic = threading.Event()
        self._ending = threading.Lock()
        self._end: LinkClosed | None = None
        self._thread = threading.Thread(target=self._ask_on, name="hivemind-http", daemon=True)
        self._thread.start()

    def send(self, frame: Frame) -> None:
        fields = _form(frame)
        with self._using:
            if self._end is not None:
                raise self._closed()
            try:
                status, answer = self._sending.request("POST", "send_message", fields)
            except HiveMindError as error:
                raise self._finish(_as_closed(error)) from None
        self._traffic.set()
        if status != 200 or "error" in answer:
            raise self._finish(LinkClosed(f"the hub did not take a frame: {describe_status(status)}", code=_ENDED))

    def receive(self, timeout: float | None = None) -> Frame:
        try:
            found = self._inbox.get(timeout=timeout)
        except queue.Empty:
            raise LinkTimeout(phase="receive") from None
        if isinstance(found, HiveMindError):
            if isinstance(found, LinkClosed):
                self._inbox.put(found)  # for whoever asks again
            raise found
        return found

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        end = time.monotonic() + timeout
        with_goodbye = self._end is None and code != 1006
        self._finish(LinkClosed("the link was closed by this side", code=code, reason=reason))
        if not with_goodbye:
            self._sending.abort()
        if not self._using.acquire(timeout=max(0.0, timeout)):  # what is being sent still goes out
            self._sending.abort()
            return
        try:
            if with_goodbye:
                with suppress(HiveMindError):
                    self._sending.request("POST", "disconnect", within=max(0.01, end - time.monotonic()))
        finally:
            self._sending.close()
            self._using.release()
        self._thread.join(max(0.0, end - time.monotonic()))

    # --- the thread that asks ---

    def _ask_on(self) -> None:
        pause = self._options.busy
        while self._end is None:
            try:
                came = self._ask()
            except HiveMindError as error:
                if isinstance(error, LimitExceeded):
                    self._inbox.put(error)
                self._finish(_as_closed(error))
                break
            pause = self._options.busy if came else min(pause * _SLOWER, self._options.idle)
            if not came and self._traffic.wait(pause):
                self._traffic.clear()
                pause = self._options.busy / _SLOWER
        self._asking.close()

    def _ask(self) -> bool:
        """-> whether something came"""
        binary = self._drained("get_binary_messages", "b64_messages")
        texts = self._drained("get_messages", "messages")
        for text in texts:
            self._hand_on(text, len(text.encode(errors="surrogatepass")))
        for encoded in binary:
            try:
                frame = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                self._inbox.put(MalformedFrame(f"a binary frame of {len(encoded)} characters is not base64"))
            else:
                self._hand_on(frame, len(frame))
        return bool(texts or binary)

    def _drained(self, call: str, field: str) -> list[str]:
        status, answer = self._asking.request("GET", call)
        found = answer.get(field)
        if status == 200 and isinstance(found, list) and all(isinstance(one, str) for one in found):
            return found
        if status == 200 and "error" in answer:
            raise LinkClosed("the hub has ended the session", code=_ENDED)
        raise LinkClosed(f"the hub gives no frames: {describe_status(status)}", code=1006)

    def _hand_on(self, frame: Frame, size: int) -> None:
        if size > self._max_frame:
            raise LimitExceeded(
                f"a frame of {size} bytes came, and {self._max_frame} are allowed",
                hint="raise Limits.frame if the hub is trusted",
            )
        self._inbox.put(frame)

    def _finish(self, end: LinkClosed) -> LinkClosed:
        """The first call decides how the link ended. -> what to raise"""
        with self._ending:
            if self._end is None:
                self._end = end
                self._inbox.put(end)
                self._traffic.set()
                self._asking.abort()
        return self._closed()

    def _closed(self) -> LinkClosed:
        end = self._end
        return LinkClosed(str(end), code=end.code, reason=end.reason) if end is not None else LinkClosed()


def _form(frame: Frame) -> dict[str, str]:
    """Raises NotEncodable."""
    size = len(frame)
    if size > MAX_SENT:
        raise NotEncodable(f"a frame of {size} bytes is too long for HTTP; {MAX_SENT} are possible")
    if isinstance(frame, bytes):
        return {"message": base64.b64encode(frame).decode(), "binary": "1"}
    try:
        frame.encode()
    except UnicodeEncodeError:
        pass
    else:
        return {"message": frame}
    raise NotEncodable("the text frame holds a lone surrogate, which UTF-8 can't carry")


def _as_closed(error: HiveMindError) -> LinkClosed:
    return error if isinstance(error, LinkClosed) else LinkClosed(str(error), code=1006)
