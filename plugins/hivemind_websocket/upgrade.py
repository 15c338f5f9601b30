"""The opening handshake of a websocket (RFC 6455, section 4) without I/O, by `websockets`. For asyncio."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from websockets.client import ClientProtocol
from websockets.uri import WebSocketURI

from hivemind_sdk.contracts import Dial
from hivemind_sdk.errors import LinkError
from hivemind_sdk.sockets import ascii_host, http_status

from .opening import refusal, request_path

_MAX_ANSWER = 64 * 1024
"""bytes that the head of the answer may have"""
_END = b"\r\n\r\n"
_QUIET = logging.Logger("websockets", logging.CRITICAL)  # noqa: LOG001 - not one that anybody can turn on
"""what `websockets` would log holds the access key"""


class Upgrade:
    """Send `request`, and `feed` what comes, until it is `answered`; then `refused` tells."""

    __slots__ = ("_head", "_protocol", "answered", "request")

    def __init__(self, dial: Dial, headers: Mapping[str, str]) -> None:
        endpoint = dial.endpoint
        host = ascii_host(endpoint.host).partition("%")[0]
        path, _, query = request_path(dial).partition("?")
        uri = WebSocketURI(endpoint.scheme == "wss", host, endpoint.port, path, query)
        self._protocol = ClientProtocol(uri, logger=_QUIET)
        self._head = bytearray()
        self.answered = False
        request = self._protocol.connect()
        for name, value in headers.items():
            if name in request.headers:
                del request.headers[name]
            request.headers[name] = value
        self._protocol.send_request(request)
        self.request = b"".join(self._protocol.data_to_send())

    def feed(self, data: bytes) -> bytes:
        """Takes what has come. Returns what of it lies behind the answer: the first frames."""
        head = self._head
        known = len(head)
        head += data
        end = head.find(_END, max(0, known - len(_END) + 1))
        rest = b""
        if end >= 0:
            rest = bytes(head[end + len(_END) :])
            del head[end + len(_END) :]
        self._protocol.receive_data(bytes(head[known:]))
        self.answered = end >= 0 or self._protocol.handshake_exc is not None or len(head) > _MAX_ANSWER
        return rest

    def refused(self) -> LinkError | None:
        """Why there is no websocket: what came says no, or is too little. None: there is one."""
        protocol = self._protocol
        if protocol.handshake_exc is None and self._head.endswith(_END) and http_status(bytes(self._head)) == 101:
            return None
        return refusal(bytes(self._head[:64]))
