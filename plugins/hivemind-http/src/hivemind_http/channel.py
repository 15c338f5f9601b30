"""One kept-alive HTTP connection: a request out, a JSON object back, and any failure as an exception of ours.

The standard library's `http.client` on a socket that the SDK dialled: so the proxy, the pin and the deadline of a Dial
count as for every transport, and another thread can end a request that waits.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import threading
import time
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

from hivemind_sdk.contracts import Dial
from hivemind_sdk.errors import AuthenticationRefused, LimitExceeded, LinkClosed, LinkError, LinkTimeout, Unreachable
from hivemind_sdk.sockets import Deadline, ascii_host, check_headers, describe_status, open_socket

JSONObject = dict[str, Any]
_REPLICA = "hivemind_http_replica"
"""a cookie by which a proxy before several hubs sends us to the one that knows us"""
_ANSWER_SLACK = 1 << 20


class Channel:
    """Used by one thread at a time; `abort` by any."""

    def __init__(self, dial: Dial, timeout: float, cookies: dict[str, str]) -> None:
        """`cookies` are shared by the channels of one link. `timeout`: seconds for one request."""
        self._dial = dial
        self._timeout = timeout
        self._cookies = cookies
        self._headers = {**check_headers(dial.headers), "User-Agent": dial.useragent, "Accept": "application/json"}
        self._limit = 2 * dial.max_frame + _ANSWER_SLACK
        self._connection: http.client.HTTPConnection | None = None
        self._lock = threading.Lock()
        self._aborted = False

    def request(
        self, method: str, call: str, fields: dict[str, str] | None = None, *, within: float | None = None
    ) -> tuple[int, JSONObject]:
        """-> status, and the answer's object ({} where it has none). `within`: seconds, in place of `timeout`.

        Raises LinkTimeout, Unreachable, AuthenticationRefused, LinkClosed where the connection broke, LimitExceeded.
        """
        seconds = self._timeout if within is None else within
        deadline = Deadline(seconds)
        connection = self._ready(deadline)
        headers = dict(self._headers)
        body = None
        if method == "POST":
            body = urlencode(fields or {}).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        try:
            connection.request(method, self._target(call), body, headers)
            answer = connection.getresponse()
            data = self._read(answer, connection.sock, deadline)
        except LinkError:
            self._drop()
            raise
        except TimeoutError:
            self._drop()
            raise LinkTimeout(f"no answer to {call} in {seconds:g} s", phase="receive") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._drop()
            raise self._broken(call, error) from None
        self._keep_cookie(answer.headers.get_all("Set-Cookie") or [])
        if answer.will_close:
            self._drop()
        if answer.status in (401, 403):
            raise AuthenticationRefused(
                f"the hub refused the access key: {describe_status(answer.status)}",
                code=answer.status,
                hint="check the access key",
            )
        return answer.status, _parsed(data)

    def abort(self) -> None:
        """End a request that waits, and refuse all further ones."""
        with self._lock:
            self._aborted = True
            connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """By the thread that uses it, or when none does any more."""
        self._drop()

    def _ready(self, deadline: Deadline) -> http.client.HTTPConnection:
        """The connection; another one where the hub, or a proxy between, has hung up meanwhile."""
        if self._connection is not None and _hung_up(self._connection.sock):
            self._drop()
        if self._connection is None:
            endpoint = self._dial.endpoint
            connection = http.client.HTTPConnection(ascii_host(endpoint.host).partition("%")[0], endpoint.port)
            connection.sock = open_socket(self._dial, deadline, secure=endpoint.scheme == "https")
            with self._lock:
                self._connection = connection
        if self._aborted:
            self._drop()
            raise LinkClosed("the link was closed by this side", code=1000)
        self._connection.sock.settimeout(deadline.left("upgrade"))
        return self._connection

    def _target(self, call: str) -> str:
        path = quote(self._dial.endpoint.path, safe="/%:@!$&'()*+,=~-._")
        return f"{path}/{call}?{urlencode({'authorization': self._dial.token})}"

    def _read(self, answer: http.client.HTTPResponse, sock: Any, deadline: Deadline) -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := answer.read1(1 << 16):
            size += len(part)
            if size > self._limit:
                raise LimitExceeded(
                    f"an answer of more than {self._limit} bytes came", hint="raise Limits.frame if the hub is trusted"
                )
            parts.append(part)
            if sock is not None and sock.fileno() >= 0:  # http.client lets go of it at the end of some answers
                sock.settimeout(max(0.001, deadline.at - time.monotonic()))
        if answer.length:
            raise http.client.IncompleteRead(b"")
        answer.close()  # the connection is free for the next request
        return b"".join(parts)

    def _keep_cookie(self, headers: list[str]) -> None:
        for header in headers:
            name, _, value = header.partition(";")[0].partition("=")
            if name.strip() == _REPLICA:
                self._cookies[_REPLICA] = value.strip()

    def _broken(self, call: str, error: Exception) -> LinkError:
        if self._aborted:
            return LinkClosed("the link was closed by this side", code=1000)
        reason = getattr(error, "strerror", None) or type(error).__name__
        if isinstance(error, http.client.BadStatusLine) and not isinstance(error, http.client.RemoteDisconnected):
            return Unreachable("something listens there that does not speak HTTP", hint="check port and scheme")
        return LinkClosed(f"the connection broke at {call}: {reason}", code=1006)

    def _drop(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _hung_up(sock: socket.socket | None) -> bool:
    """Between two answers there is nothing to read but the end."""
    if sock is None or sock.fileno() < 0:
        return True
    try:
        if hasattr(select, "poll"):
            poller = select.poll()
            poller.register(sock, select.POLLIN)
            return bool(poller.poll(0))
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def _parsed(data: bytes) -> JSONObject:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
