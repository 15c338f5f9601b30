"""Servers of a few lines that do just what a test tells them, and the bytes that they speak."""

from __future__ import annotations

import base64
import hashlib
import queue
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

from hivemind_sdk.contracts import Dial
from hivemind_sdk.settings import Credentials, Endpoint

ACCESS_KEY = "Sesame-4711-open"
CREDENTIALS = Credentials(ACCESS_KEY, "sw0rdf1sh")
USERAGENT = "test"
TOKEN = CREDENTIALS.token(USERAGENT)
SHORT = 1.0
"""a deadline that a test lets pass"""
LONG = 30.0
"""one that it does not"""


def dial(port, *, scheme="ws", host="127.0.0.1", path="", timeout=LONG, **options):
    return Dial(Endpoint(scheme, host, port, path), CREDENTIALS, USERAGENT, timeout, **options)


class RawServer:
    """Runs `script(socket)` for each connection, in a thread. What the script returns is put into `results`."""

    def __init__(self, script: Callable[[socket.socket], object], host="127.0.0.1", tls=None, receive_buffer=None):
        self._script = script
        self._tls = tls
        self._socket = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer is not None:  # inherited by what is accepted
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.port = self._socket.getsockname()[1]
        self.results: queue.Queue[object] = queue.Queue()
        self.done = threading.Event()
        """set at the end of the test: what a script that hangs waits for"""
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                sock, _ = self._socket.accept()
                self._open.append(sock)
                threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            self.results.put(self._script(sock))
        except OSError as error:
            self.results.put(error)
        finally:
            sock.close()

    def result(self):
        return self.results.get(timeout=LONG)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.done.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def read_head(sock) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            break
        head += byte
    return head


def accept_upgrade(sock, extra=b"") -> bytes:
    """Do what a websocket server does; -> the request. `extra` goes out in the same packet."""
    head = read_head(sock)
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")).split()[1]
    answer = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    sock.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + answer + b"\r\n\r\n" + extra
    )
    return head


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """As a server sends it: not masked."""
    first = fin << 7 | rsv << 4 | opcode
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", first, size) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def close_frame(code: int | None = None, reason: str = "") -> bytes:
    return frame(8, b"" if code is None else struct.pack("!H", code) + reason.encode())


def read_frame(sock) -> tuple[int, bytes]:
    """One frame of a client: opcode and unmasked payload."""
    first, second = _exactly(sock, 2)
    assert second & 0x80, "a client must mask"
    size = second & 0x7F
    if size == 126:
        size = struct.unpack("!H", _exactly(sock, 2))[0]
    elif size == 127:
        size = struct.unpack("!Q", _exactly(sock, 8))[0]
    mask, payload = _exactly(sock, 4), _exactly(sock, size)
    return first & 0xF, bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def _exactly(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionResetError("the client is gone")
        data += part
    return data


def swallow(sock) -> int:
    """Read until the client is gone; -> how many bytes came"""
    total = 0
    while data := sock.recv(1 << 16):
        total += len(data)
    return total


class ConnectProxy(RawServer):
    """A proxy that lets CONNECT through, with a login where it has one. `requests` has the heads that it saw."""

    def __init__(self, login: str | None = None):
        self.requests: list[bytes] = []
        self._login = login
        super().__init__(self._serve)

    def _serve(self, sock):
        head = read_head(sock)
        self.requests.append(head)
        login = base64.b64encode((self._login or "").encode())
        if self._login is not None and b"\r\nProxy-Authorization: Basic " + login + b"\r\n" not in head:
            sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as hub:
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            relay(sock, hub)


def relay(one, other):
    """Hand on what either says, until both have ended."""
    back = threading.Thread(target=_pass_on, args=(other, one), daemon=True)
    back.start()
    _pass_on(one, other)
    back.join(LONG)


def _pass_on(source, sink):
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
