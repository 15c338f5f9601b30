"""The harness itself: every server that we pin starts, listens, and goes away."""

from __future__ import annotations

import socket

import pytest
from interop.servers import VERSIONS, Server, ServerFailed


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pinned_server_starts_greets_and_stops(version, start_hub):
    hub = start_hub(version)
    with socket.create_connection((hub.host, hub.port), 5) as sock:
        upgrade = (
            f"GET /?authorization={'c2F0OmtleQ=='} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        )
        sock.sendall(f"{upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode())
        assert sock.recv(12) == b"HTTP/1.1 101"
    hub.wait_for("refused")
    hub.__exit__()
    with pytest.raises(OSError):
        socket.create_connection((hub.host, hub.port), 1).close()


def test_a_server_that_does_not_start_fails_with_its_log(tmp_path, monkeypatch):
    monkeypatch.setattr("interop.servers.interpreter", lambda name: "/bin/false")
    with pytest.raises(ServerFailed, match="did not tell: ready"), Server("4.0.0", tmp_path):
        pass
