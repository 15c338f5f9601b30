"""The fault proxy does what it counts: without that, a chaos run shows nothing."""

from __future__ import annotations

import socket
import threading

import pytest
from chaos.proxy import HARMLESS, FaultProxy

LONG = 30.0
SENT = bytes(range(256)) * 400


def through(kind: str) -> tuple[bytes, str, FaultProxy]:
    """Send SENT through a proxy that harms the first piece. -> what came, how it ended, the proxy"""
    got, how = bytearray(), []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def read() -> None:
            try:
                sock, _ = listener.accept()
                with sock:
                    sock.settimeout(LONG)
                    while piece := sock.recv(65536):
                        got.extend(piece)
                how.append("end")
            except OSError as error:
                how.append(type(error).__name__)

        reader = threading.Thread(target=read)
        reader.start()
        target = listener.getsockname()
        with FaultProxy(target, 1, kinds=(kind,), every=1e-9, delay=0.01, silence=0.05) as proxy:
            with socket.create_connection(("127.0.0.1", proxy.port), LONG) as sock:
                try:
                    sock.sendall(SENT)
                    sock.shutdown(socket.SHUT_WR)
                    sock.recv(1)
                except OSError:
                    pass
            reader.join(LONG)
    return bytes(got), how[0], proxy


@pytest.mark.parametrize("kind", HARMLESS)
def test_harmless_faults_lose_nothing(kind):
    got, how, proxy = through(kind)
    assert (got, how) == (SENT, "end")
    assert proxy.faults[kind, "up"] > 0


@pytest.mark.parametrize("kind", ["truncate", "reset", "half-close"])
def test_a_link_that_is_cut_has_delivered_a_beginning_of_what_was_sent(kind):
    got, how, proxy = through(kind)
    assert len(got) < len(SENT)
    assert SENT.startswith(got)
    assert proxy.faults == {(kind, "up"): 1}
    assert how == ("ConnectionResetError" if kind == "reset" else "end")


def test_corruption_changes_one_bit_of_each_piece_that_it_meets():
    got, _, proxy = through("corrupt")
    assert len(got) == len(SENT)
    assert sum((a ^ b).bit_count() for a, b in zip(got, SENT, strict=True)) == proxy.faults["corrupt", "up"]


def test_duplication_sends_every_piece_that_it_meets_twice():
    got, _, _ = through("duplicate")
    assert len(got) == 2 * len(SENT)


def test_silence_swallows_all_that_follows_and_ends_the_link_after_its_time():
    got, how, proxy = through("silence")
    assert (got, how) == (b"", "end")
    assert proxy.faults == {("silence", "up"): 1}
