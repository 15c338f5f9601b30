"""For transports on asyncio: from a Dial to an open asyncio transport, within a deadline. The twin of `opening`.

    deadline = Deadline(dial.timeout)
    secure = dial.endpoint.scheme == "wss"
    connection = await open_connection(dial, deadline, Protocol, secure=secure)

The errors and hints are those of `open_socket`. Cancelling leaves no socket behind.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import zip_longest
from typing import Any, TypeVar

from .._startup import replace
from ..contracts import Dial
from ..contracts.observations import PhasePassed
from ..errors import LinkError, LinkTimeout, Unreachable
from ..settings import Endpoint
from .deadline import Deadline
from .opening import (
    _MAX_HEAD,
    _MAX_UNSENT,
    _NOTSENT_LOWAT,
    Proxy,
    _unreachable,
    ascii_host,
    check_tunnel,
    tunnel_request,
    unknown_host,
)
from .tls import check_pin, failure, tls_context
from .within import within

P = TypeVar("P", bound=asyncio.BaseProtocol)
T = TypeVar("T")
HEAD_START = 0.25
"""seconds that an address has for itself before the next one is tried beside it (RFC 8305, section 5)"""


async def open_connection(
    dial: Dial, deadline: Deadline, create: Callable[[], P], *, secure: bool
) -> tuple[asyncio.Transport, P]:
    """Connect to the endpoint of this dial, through its proxy if it names one, and with TLS where `secure`.

    Returns the asyncio transport and the protocol that `create` made. Raises Unreachable, LinkTimeout (phase "resolve",
    "connect", "proxy" or "tls"), or SettingsError for a proxy, pin or CA file that can't be used.
    """
    context = tls_context(dial.tls) if secure else None
    sock = await _open_tcp(dial, deadline)
    owned = False

    def created() -> P:
        nonlocal owned
        owned = True
        return create()

    try:
        if context is None:
            return await asyncio.get_running_loop().create_connection(created, sock=sock)
        return await _secured(dial, deadline, created, sock, context)
    except BaseException:
        _let_go(sock, owned=owned)
        raise


async def port_answers(dial: Dial, timeout: float = 1.0) -> bool | None:
    """The twin of `sockets.port_answers`."""
    if dial.proxy:
        return None
    try:
        host = ascii_host(dial.endpoint.host)
        sock = await _connect(host, dial.endpoint.port, Deadline(timeout), "connect", replace(dial, observe=_unheard))
    except LinkError:
        return False
    sock.close()
    return True


def _unheard(_event: Any) -> None:
    """A look is no attempt: nobody is told how far it comes."""


def _let_go(sock: socket.socket, *, owned: bool) -> None:
    """End this connection at once. `owned`: asyncio closes the socket, as soon as it sees that nothing more comes."""
    if not owned:
        sock.close()
        return
    with suppress(OSError):  # it is closed already
        sock.shutdown(socket.SHUT_RDWR)


async def _secured(
    dial: Dial, deadline: Deadline, create: Callable[[], P], sock: socket.socket, context: ssl.SSLContext
) -> tuple[asyncio.Transport, P]:
    host = ascii_host(dial.endpoint.host).partition("%")[0]
    connecting = asyncio.get_running_loop().create_connection(
        create, sock=sock, ssl=context, server_hostname=host, ssl_handshake_timeout=max(0.001, deadline.left("tls"))
    )
    try:
        transport, protocol = await _within(connecting, deadline, "tls")
    except ConnectionAbortedError as error:  # asyncio's own time-out of the TLS handshake
        raise deadline.timeout("tls") from error
    except (OSError, ValueError) as error:
        if isinstance(error, LinkTimeout):
            raise
        raise failure(error if isinstance(error, OSError) else OSError(str(error)), host) from None
    tls = transport.get_extra_info("ssl_object")
    if dial.tls.pin:
        try:
            check_pin(tls.getpeercert(binary_form=True), dial.tls.pin)
        except BaseException:
            transport.abort()
            raise
    dial.observe(PhasePassed("tls", tls.version() or ""))
    return transport, protocol


async def _open_tcp(dial: Dial, deadline: Deadline) -> socket.socket:
    endpoint = dial.endpoint
    if not dial.proxy:
        sock = await _connect(ascii_host(endpoint.host), endpoint.port, deadline, "connect", dial)
        dial.observe(PhasePassed("connect", f"port {endpoint.port}"))
        return sock
    server = Proxy.parse(dial.proxy)
    sock = await _connect(ascii_host(server.host), server.port, deadline, "proxy", dial)
    try:
        await _within(_tunnel(sock, server, endpoint), deadline, "proxy")
    except BaseException:
        sock.close()
        raise
    dial.observe(PhasePassed("connect", "through the proxy"))
    return sock


async def _tunnel(sock: socket.socket, proxy: Proxy, endpoint: Endpoint) -> None:
    loop = asyncio.get_running_loop()
    answer = b""
    try:
        await loop.sock_sendall(sock, tunnel_request(proxy, endpoint))
        while not answer.endswith(b"\r\n\r\n"):  # byte by byte: what follows the head belongs to the tunnel
            byte = await loop.sock_recv(sock, 1)
            if not byte or len(answer) >= _MAX_HEAD:
                break
            answer += byte
    except OSError as error:
        raise Unreachable(
            f"the proxy at {proxy.host!r} broke the connection: {error.strerror}", hint="check the proxy"
        ) from None
    check_tunnel(answer, proxy)


async def _connect(host: str, port: int, deadline: Deadline, phase: str, dial: Dial) -> socket.socket:
    """The first of the addresses that answers; each gets a head start before the next is tried beside it."""
    addresses = _interleaved(await _resolve(host, port, deadline))
    dial.observe(PhasePassed("resolve", ", ".join(dict.fromkeys(str(one[4][0]) for one in addresses))))
    failures: list[OSError] = []
    racing: set[asyncio.Task[socket.socket]] = set()
    left = iter(addresses)
    upcoming = next(left, None)
    try:
        while upcoming is not None or racing:
            if upcoming is not None:
                racing.add(asyncio.ensure_future(_try(upcoming)))
                upcoming = next(left, None)
            patience = deadline.left(phase)
            done, racing = await asyncio.wait(
                racing,
                timeout=patience if upcoming is None else min(patience, HEAD_START),
                return_when=asyncio.FIRST_COMPLETED,
            )
            winners = [task for task in done if task.exception() is None]
            failures += [_plain(error) for task in done if isinstance(error := task.exception(), OSError)]
            if winners:
                for loser in winners[1:]:
                    loser.result().close()
                return winners[0].result()
    finally:
        for task in racing:
            task.cancel()
            task.add_done_callback(_close_result)
    raise _unreachable(host, port, failures, phase)


def _close_result(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _plain(error: OSError) -> OSError:
    """In the words of the system: asyncio's have the address in them."""
    return type(error)(error.errno, os.strerror(error.errno)) if error.errno else error


async def _try(address: Any) -> socket.socket:
    family, kind, protocol, _, where = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if _NOTSENT_LOWAT is not None:
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, _MAX_UNSENT)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


def _interleaved(addresses: list[Any]) -> list[Any]:
    """The resolver's order, but families by turns (RFC 8305, section 4)."""
    first = [one for one in addresses if one[0] == addresses[0][0]]
    others = [one for one in addresses if one[0] != addresses[0][0]]
    return [one for pair in zip_longest(first, others) for one in pair if one is not None]


async def _resolve(host: str, port: int, deadline: Deadline) -> list[Any]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        pass  # a name
    try:
        looking = asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return await _within(looking, deadline, "resolve")
    except (OSError, UnicodeError) as error:
        if isinstance(error, LinkTimeout):
            raise
        raise unknown_host(host, error) from None


async def _within(work: Coroutine[Any, Any, T], deadline: Deadline, phase: str) -> T:
    task = asyncio.ensure_future(work)
    try:
        return await within(task, deadline.left(phase))
    except asyncio.TimeoutError as error:
        if isinstance(error, LinkTimeout) or (task.done() and not task.cancelled()):
            raise  # the work's own
        raise deadline.timeout(phase) from None
