"""From a Dial to a connected socket, within a deadline: addresses, HTTP proxies, TLS and pins.

    deadline = Deadline(dial.timeout)
    sock = open_socket(dial, deadline, secure=dial.endpoint.scheme == "https")

Each failure has one error and one hint, whatever protocol runs on the socket afterwards.
"""

from __future__ import annotations

import base64
import queue
import re
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ..contracts import Dial
from ..contracts.observations import PhasePassed
from ..errors import LinkError, LinkTimeout, Unreachable
from ..settings import Endpoint
from ..settings.proxy import Proxy
from ..settings.user_input import check_headers
from .daemons import daemon
from .deadline import Deadline
from .race import race
from .tls import start_tls, tls_context

__all__ = ["Deadline", "Proxy", "ascii_host", "check_headers", "describe_status", "http_status", "open_socket"]

_NOTSENT_LOWAT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_MAX_UNSENT = 128 * 1024
"""bytes that the kernel may queue: behind megabytes on a slow line, a ping would be answered too late"""
_MAX_HEAD = 16 * 1024
"""bytes that a proxy's answer may have"""


Observe = Callable[[Any], None]
"""see Dial.observe"""


def open_socket(dial: Dial, deadline: Deadline, *, secure: bool) -> socket.socket:
    """Connect to the endpoint of this dial: through its proxy if it names one, and with TLS if `secure`.

    The socket is blocking; its time-out is not reset.

    Raises Unreachable, LinkTimeout (phase "resolve", "connect", "proxy" or "tls"), or SettingsError for a proxy, pin or
    CA file that can't be used.
    """
    context = tls_context(dial.tls) if secure else None
    sock = _open_tcp(dial, deadline)
    if context is None:
        return sock
    secured = start_tls(sock, context, ascii_host(dial.endpoint.host).partition("%")[0], dial.tls.pin, deadline)
    dial.observe(PhasePassed("tls", secured.version() or ""))
    return secured


def port_answers(dial: Dial, timeout: float = 1.0) -> bool | None:
    """True if the hub's port takes a connection within `timeout` seconds. None through a proxy, which hides it."""
    if dial.proxy:
        return None
    try:
        host = ascii_host(dial.endpoint.host)
        _connect(host, dial.endpoint.port, Deadline(timeout), "connect", lambda _: None).close()
    except LinkError:
        return False
    return True


def _open_tcp(dial: Dial, deadline: Deadline) -> socket.socket:
    """A TCP connection to the endpoint; `dial.connected` is told of it before anything is waited for.

    A proxy is used where the settings name one, and only there: the environment's `http_proxy` is meant for web
    traffic, and would send what a home says, and even loopback, through a machine that nobody named for it.
    """
    endpoint, observe = dial.endpoint, dial.observe
    if not dial.proxy:
        sock = _connect(ascii_host(endpoint.host), endpoint.port, deadline, "connect", observe)
        dial.connected(sock)
        observe(PhasePassed("connect", f"port {endpoint.port}"))
        return sock
    server = Proxy.parse(dial.proxy)
    sock = _connect(ascii_host(server.host), server.port, deadline, "proxy", observe)
    dial.connected(sock)
    try:
        _tunnel(sock, server, endpoint, deadline)
    except BaseException:
        sock.close()
        raise
    observe(PhasePassed("connect", "through the proxy"))
    return sock


def _connect(host: str, port: int, deadline: Deadline, phase: str, observe: Observe) -> socket.socket:
    """The first of the host's addresses that answers; they are tried side by side."""
    addresses = _resolve(host, port, deadline)
    observe(PhasePassed("resolve", ", ".join(dict.fromkeys(str(address[4][0]) for address in addresses))))
    sock, failures = race(addresses, deadline, phase)
    if sock is None:
        raise _unreachable(host, port, failures, phase)
    try:
        sock.settimeout(deadline.left(phase))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if _NOTSENT_LOWAT is not None:
            sock.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, _MAX_UNSENT)
    except BaseException:
        sock.close()
        raise
    return sock


def _unreachable(host: str, port: int, failures: list[OSError], phase: str) -> Unreachable:
    what = "the proxy" if phase == "proxy" else "the hub"
    reasons = "; ".join(dict.fromkeys(error.strerror or type(error).__name__ for error in failures))
    if all(isinstance(error, ConnectionRefusedError) for error in failures):
        return Unreachable(
            f"nothing listens at {host!r}, port {port}: {reasons}", hint=f"is {what} running? Check host and port"
        )
    return Unreachable(
        f"{what} at {host!r}, port {port}, can't be reached: {reasons}", hint="check host, port and network"
    )


def _resolve(host: str, port: int, deadline: Deadline) -> list[Any]:
    """The addresses of a host. Looking up a name can't be interrupted, so a thread is left behind to end by itself."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):  # UnicodeError: a part of it is too long for a name; looking it up says so
        pass  # a name
    answers: queue.SimpleQueue[list[Any] | OSError | UnicodeError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    daemon("resolve", look_up).start()
    try:
        answer = answers.get(timeout=deadline.left("resolve"))
    except queue.Empty:
        raise deadline.timeout("resolve") from None
    if isinstance(answer, list):
        return answer
    raise unknown_host(host, answer)


def unknown_host(host: str, error: OSError | UnicodeError) -> Unreachable:
    """What to tell when the name can't be looked up."""
    reason = getattr(error, "strerror", None) or "not a host name"
    return Unreachable(
        f"no address is known for {host!r}: {reason}", hint="check the host for typing errors, or give its IP address"
    )


def ascii_host(host: str) -> str:
    """The ASCII (IDNA) form of an international host name. Raises Unreachable for what is no host name."""
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise Unreachable(f"{host!r} is not a host name", hint="check the host for typing errors") from None


def _tunnel(sock: socket.socket, proxy: Proxy, endpoint: Endpoint, deadline: Deadline) -> None:
    """Ask the proxy for a connection to the endpoint (RFC 9110, section 9.3.6)."""
    answer = b""
    try:
        sock.sendall(tunnel_request(proxy, endpoint))
        while not answer.endswith(b"\r\n\r\n"):  # byte by byte: what follows the head belongs to the tunnel
            sock.settimeout(deadline.left("proxy"))
            byte = sock.recv(1)
            if not byte or len(answer) >= _MAX_HEAD:
                break
            answer += byte
    except LinkTimeout:
        raise
    except TimeoutError:
        raise deadline.timeout("proxy") from None
    except OSError as error:
        raise Unreachable(
            f"the proxy at {proxy.host!r} broke the connection: {error.strerror}", hint="check the proxy"
        ) from None
    check_tunnel(answer, proxy)


def tunnel_request(proxy: Proxy, endpoint: Endpoint) -> bytes:
    """What asks the proxy for a connection to the endpoint (RFC 9110, section 9.3.6)."""
    target = Endpoint(endpoint.scheme, ascii_host(endpoint.host), endpoint.port).authority
    head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
    if proxy.login:
        head += f"Proxy-Authorization: Basic {base64.b64encode(proxy.login.encode()).decode()}\r\n"
    return f"{head}\r\n".encode()


def check_tunnel(answer: bytes, proxy: Proxy) -> None:
    """Raises Unreachable where the proxy's answer gives no connection."""
    status = http_status(answer)
    if status is None or not 200 <= status < 300:
        raise Unreachable(
            f"the proxy at {proxy.host!r} gives no connection to the hub: {describe_status(status)}",
            hint="it wants a login: http://USER:PASSWORD@HOST:PORT" if status == 407 else "check proxy, host and port",
        )


def http_status(head: bytes) -> int | None:
    """The status code of an HTTP/1 response, from its first bytes; None if they are no HTTP response."""
    found = re.match(rb"HTTP/1\.\d (\d{3})(?!\d)", head)
    return int(found[1]) if found else None


def describe_status(status: int | None) -> str:
    """A status code as text. The server's own reason phrase is never used: it may echo the request and its token."""
    if status is None:
        return "no HTTP answer"
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"
