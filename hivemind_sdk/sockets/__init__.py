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
"""

from __future__ import annotations

from .deadline import Deadline
from .opening import ascii_host, check_headers, describe_status, http_status, open_socket, port_answers
from .stream import Stream, StreamClosed, StreamTimeout, decode_text, encode_text
from .tls import start_tls, tls_context

__all__ = [
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
