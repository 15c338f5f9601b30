"""A toolbox for authors of transports: open a connection, agree on TLS, keep a deadline, read frames."""

from __future__ import annotations

from .deadline import Deadline
from .opening import ascii_host, check_headers, describe_status, http_status, open_socket
from .tls import context_for, wrap

__all__ = [
    "Deadline",
    "ascii_host",
    "check_headers",
    "context_for",
    "describe_status",
    "http_status",
    "open_socket",
    "wrap",
]
