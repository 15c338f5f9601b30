"""Addresses side by side: the dead ones of a name cost a quarter of a second, whatever their number and order."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from pathlib import Path

import pytest

from hivemind_sdk.errors import LinkTimeout
from hivemind_sdk.sockets import Deadline
from hivemind_sdk.sockets.race import STAGGER, race


@pytest.fixture
def places():
    """An address that answers, one that refuses, and one whose listener lets connections wait for ever."""
    with contextlib.ExitStack() as stack:
        good = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=50))
        closed = socket.create_server(("127.0.0.1", 0))
        refusing = closed.getsockname()
        closed.close()
        hole = stack.enter_context(socket.socket())
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        for _ in range(4):  # its queue is full then: SYNs get no answer
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(hole.getsockname())
        time.sleep(0.05)
        yield {"good": good.getsockname(), "refuses": refusing, "hole": hole.getsockname()}


def addresses(places, names):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", places[name]) for name in names.split()]


def open_files():
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


@pytest.mark.parametrize(
    ("names", "steps"),
    [("good", 0), ("refuses good", 0), ("refuses refuses good hole", 0), ("hole good", 1), ("hole hole hole good", 3)],
)
def test_the_first_that_answers_is_taken(places, names, steps):
    before, began = open_files(), time.monotonic()
    sock, failures = race(addresses(places, names), Deadline(20), "connect")
    took = time.monotonic() - began
    with sock:
        assert sock.getpeername() == places["good"]
    assert open_files() == before
    assert steps * STAGGER <= took < 10
    assert {one.errno for one in failures} <= {errno.ECONNREFUSED}


def test_where_all_refuse_it_ends_at_once(places):
    before = open_files()
    sock, failures = race(addresses(places, "refuses refuses"), Deadline(20), "connect")
    assert sock is None
    assert [type(one) for one in failures] == [ConnectionRefusedError] * 2
    assert open_files() == before


def test_where_none_answers_it_ends_at_the_deadline(places):
    before = open_files()
    with pytest.raises(LinkTimeout) as caught:
        race(addresses(places, "hole refuses hole"), Deadline(0.5), "connect")
    assert caught.value.phase == "connect"
    assert open_files() == before


def test_a_family_that_this_machine_has_not_is_passed_over(places, monkeypatch):
    real = socket.socket

    def without_ipv6(family=socket.AF_INET, *arguments, **options):
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported")
        return real(family, *arguments, **options)

    monkeypatch.setattr(socket, "socket", without_ipv6)
    six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0))
    sock, failures = race([six, six, *addresses(places, "good")], Deadline(20), "connect")
    with sock:
        assert len(failures) == 1  # the families take turns
