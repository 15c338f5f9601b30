"""Opens one link: TCP, TLS, and the upgrade by websocket-client, whose errors become ours here and nowhere else."""

from __future__ import annotations

from urllib.parse import quote

import websocket

from hivemind_sdk.contracts import Dial
from hivemind_sdk.contracts.observations import PhasePassed
from hivemind_sdk.errors import AuthenticationRefused, LinkError, SettingsError, Unreachable
from hivemind_sdk.sockets import (
    Deadline,
    Stream,
    StreamClosed,
    StreamTimeout,
    ascii_host,
    check_headers,
    describe_status,
    http_status,
    open_socket,
)

from .transport import WebSocketTransport

_MAX_ANSWER = 64 * 1024
"""bytes that the answer to the upgrade may have"""
_TLS_ALERT = b"\x15\x03"
_ELSEWHERE = "it redirects: give the address that it redirects to, path included"
_BEHIND = "a reverse proxy answers, but the hub behind it does not: is the hub running?"
_STATUS_HINTS = {
    200: "a web server answers there: check port and path",
    301: _ELSEWHERE,
    302: _ELSEWHERE,
    307: _ELSEWHERE,
    308: _ELSEWHERE,
    400: "if the port speaks TLS, use wss://; if there is a reverse proxy, it must pass on `Upgrade`",
    404: "a web server answers there: check the port, and the path if there is a reverse proxy",
    426: "a reverse proxy must pass on `Upgrade`",
    502: _BEHIND,
    503: _BEHIND,
    504: _BEHIND,
}


def open_link(dial: Dial) -> WebSocketTransport:
    """See WebSocketConnector.connect."""
    headers = [f"{name}: {value}" for name, value in check_headers(dial.headers).items()]
    url = _url(dial)
    deadline = Deadline(dial.timeout)
    stream = Stream(open_socket(dial, deadline, secure=dial.endpoint.scheme == "wss"))
    stream.deadline = deadline.at
    try:
        failure = _upgrade(stream, url, headers, deadline)
    except BaseException:
        stream.finish()
        raise
    if failure is not None:  # raised out here: websocket-client's exceptions hold the request, and must not hang on it
        stream.finish()
        raise failure
    dial.observe(PhasePassed("upgrade", "a websocket"))
    stream.send_timeout = dial.send_timeout
    return WebSocketTransport(
        stream,
        keepalive=dial.keepalive,
        keepalive_timeout=dial.keepalive_timeout,
        max_frame=dial.max_frame,
        observe=dial.observe,
    )


def _upgrade(stream: Stream, url: str, headers: list[str], deadline: Deadline) -> LinkError | None:
    wire = _Wire(stream)
    host = next((line.partition(":")[2].strip() for line in headers if line.lower().startswith("host:")), None)
    client = websocket.WebSocket()
    try:
        client.connect(  # type: ignore[no-untyped-call]
            url,
            socket=wire,
            header=[line for line in headers if not line.lower().startswith("host:")],
            host=host,
            # no browser, no origin: a reverse proxy that changes Host would make it look like a foreign one
            suppress_origin=True,
            redirect_limit=0,
        )
    except StreamTimeout:
        # an answer of 101 is not complete; any other is, as far as it matters, though its body never ends
        return deadline.timeout("upgrade") if http_status(wire.head) in (None, 101) else refusal(wire.head)
    except Exception:  # noqa: BLE001 whatever the library stumbles over (IndexError, for one): the answer tells more
        return refusal(wire.head)
    return None if client.getstatus() == 101 else refusal(wire.head)


def _url(dial: Dial) -> str:
    """With a path it is `PATH/?authorization=`. A reverse proxy that strips the prefix then passes on just what a hub
    expects, and older hubs cut at the literal `/?authorization=`. The token must not be percent-encoded (wire.md 2.1).
    """
    endpoint = dial.endpoint
    host = ascii_host(endpoint.host).partition("%")[0]
    authority = f"[{host}]" if ":" in host else host
    return f"{endpoint.scheme}://{authority}:{endpoint.port}{request_path(dial)}"


def _token(dial: Dial) -> str:
    """The token without a `+`, which some hubs read as a blank, and others not where it is escaped.

    Whether base64 has one depends on where in a group of three bytes a character of the access key comes to stand: a
    blank more behind the useragent moves it. Raises SettingsError for an access key that has one at each place.
    """
    for blanks in range(3):
        token = dial.credentials.token(dial.useragent + " " * blanks)
        if "+" not in token:
            return token
    raise SettingsError(
        "the access key can't be sent in an address: its base64 has a `+`, which hubs read as a blank",
        hint="give this satellite another access key on the hub (letters and digits), or use another transport",
    )


def request_path(dial: Dial) -> str:
    """Path and query of the upgrade. Holds the access key: a secret."""
    path = quote(dial.endpoint.path, safe="/%:@!$&'()*+,=~-._")
    return f"{path}/?authorization={_token(dial)}"


def refusal(head: bytes) -> LinkError:
    """What the first bytes of the answer say about who answered. Never in the words of the answer."""
    status = http_status(head)
    if status in (401, 403):
        return AuthenticationRefused(
            f"the hub refused the upgrade: {describe_status(status)}", code=status, hint="check the access key"
        )
    if status == 101:
        return Unreachable("the answer to the upgrade is not a websocket's", hint="check port and path")
    if status is not None:
        return Unreachable(
            f"no websocket there: the answer is {describe_status(status)}",
            hint=_STATUS_HINTS.get(status, "check port and path"),
        )
    if head.startswith(_TLS_ALERT):
        return Unreachable("the port speaks TLS", hint="use wss:// instead of ws://")
    if head:
        return Unreachable("something listens there that is not a websocket server", hint="check the port")
    return Unreachable(
        "the connection was closed without an answer to the upgrade",
        hint="check the port; if it speaks TLS, use wss://",
    )


class _Wire:
    """What websocket-client takes for the socket during the upgrade: bounded, and it keeps how the answer begins."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._left = _MAX_ANSWER
        self.head = b""

    def recv(self, size: int) -> bytes:
        if self._left <= 0:
            raise StreamClosed("the answer is too long")
        data = self._stream.recv(min(size, self._left))
        self._left -= len(data)
        if len(self.head) < 64:
            self.head += data
        return data

    def send(self, data: bytes) -> int:
        self._stream.send(data)
        return len(data)

    def gettimeout(self) -> None:
        return None

    def settimeout(self, timeout: float | None) -> None:
        """The stream has the deadline."""

    def close(self) -> None:
        self._stream.finish()
