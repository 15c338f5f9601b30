"""Tools for authors of transports: open a connection, start TLS, keep a deadline, read and write a stream.

    deadline = Deadline(dial.timeout)
    secure = dial.endpoint.scheme == "wss"
    stream = Stream(open_socket(dial, deadline, secure=secure))
    stream.deadline = deadline.at
    stream.send(request)
    answer = stream.recv()

`open_socket` resolves the name, dials through the proxy of the Dial, starts TLS and checks the pin, and raises one of
the typed errors of `hivemind_sdk.errors` with a hint. `start_tls` and `tls_context` are for transports whose library
opens the TCP connection itself.

Names are loaded when they are first used: a program whose transport needs no TLS does not load it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._startup import lazy_names

if TYPE_CHECKING:
    from .deadline import Deadline as Deadline
    from .opening import ascii_host as ascii_host
    from .opening import check_headers as check_headers
    from .opening import describe_status as describe_status
    from .opening import http_status as http_status
    from .opening import open_socket as open_socket
    from .opening import port_answers as port_answers
    from .stream import HANG_UP as HANG_UP
    from .stream import Stream as Stream
    from .stream import StreamClosed as StreamClosed
    from .stream import StreamTimeout as StreamTimeout
    from .stream import decode_text as decode_text
    from .stream import encode_text as encode_text
    from .tls import start_tls as start_tls
    from .tls import tls_context as tls_context

_HOMES = {
    "HANG_UP": "stream",
    "Deadline": "deadline",
    "Stream": "stream",
    "StreamClosed": "stream",
    "StreamTimeout": "stream",
    "ascii_host": "opening",
    "check_headers": "opening",
    "decode_text": "stream",
    "describe_status": "opening",
    "encode_text": "stream",
    "http_status": "opening",
    "open_socket": "opening",
    "port_answers": "opening",
    "start_tls": "tls",
    "tls_context": "tls",
}

__all__ = [
    "HANG_UP",
    "Deadline",
    "Stream",
    "StreamClosed",
    "StreamTimeout",
    "ascii_host",
    "check_headers",
    "decode_text",
    "describe_status",
    "encode_text",
    "http_status",
    "open_socket",
    "port_answers",
    "start_tls",
    "tls_context",
]

__getattr__ = lazy_names(__name__, _HOMES)
