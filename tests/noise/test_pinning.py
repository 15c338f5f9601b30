"""When a hub's key is pinned on first contact, and what becomes of a pin that can't be stored."""

from __future__ import annotations

from typing import Any

import pytest
from noise_kit import connect, hub, satellite
from noise_links import join, make_hub

from hivemind_sdk.contracts import SessionInfo
from hivemind_sdk.contracts.observations import FrameSent, Secured
from hivemind_sdk.errors import AuthenticationRefused, HandshakeError, IdentityError, IdentityReadOnly
from hivemind_sdk.testing import MemoryState

PINS = "pinned_noise_keys"


class Disk(MemoryState):
    """Notes when pins are stored, or fails to."""

    def __init__(self, error: IdentityError | None = None) -> None:
        super().__init__()
        self.error = error
        self.seen: list[str] = []
        self.secured: list[SessionInfo] = []

    def write(self, key: str, value: Any) -> None:
        if key == PINS:
            if self.error is not None:
                raise self.error
            self.seen.append("stored")
        super().write(key, value)

    def observe(self, event: object) -> None:
        if isinstance(event, (FrameSent, Secured)):
            self.seen.append(type(event).__name__)
        if isinstance(event, Secured):
            self.secured.append(event.info)


def test_the_pin_is_stored_while_the_hub_has_our_frames_and_before_the_link_is_ready():
    disk = Disk()
    with make_hub() as hub:
        assert join(hub, disk, observers=[disk]).pattern == "XXpsk2"
    assert disk.seen == ["FrameSent", "FrameSent", "FrameSent", "FrameSent", "stored", "Secured"]


def test_a_pin_that_fails_to_be_stored_ends_the_link_and_is_what_connect_raises():
    with make_hub() as hub, pytest.raises(IdentityError, match="no space is left"):
        join(hub, Disk(IdentityError("no space is left")))


def test_a_pin_that_may_not_be_stored_is_told_where_the_link_is_told():
    disk = Disk(IdentityReadOnly("it can't be written"))
    with make_hub() as hub:
        info = join(hub, disk, observers=[disk])
    [warning] = info.warnings
    assert "holds for this process only" in warning
    assert disk.secured == [info]


def test_a_hub_that_has_not_proven_the_password_is_not_pinned():
    disk = Disk()
    with make_hub(password="another-horse-battery-9") as hub, pytest.raises(AuthenticationRefused):
        join(hub, disk)
    assert disk.read(PINS) is None


@pytest.mark.parametrize(
    ("dialled", "other"),
    [
        ("ws://hub", "HUB:5678"),
        ("ws://HUB:1/Kitchen", "hub:1/Kitchen"),
        ("ws://[::1]", "[0:0:0:0:0:0:0:1]:5678"),
        ("ws://[FE80::0:1%Eth0]:1", "[fe80::1%Eth0]:1"),
        ("ws://b\xfccher", "xn--bcher-kva:5678"),
    ],
)
def test_one_hub_has_one_pin_however_its_host_is_written(dialled, other):
    """A pin that is stored under another spelling is found, and replaced by what is pinned next."""
    from hivemind_noise.pins import Pins
    from hivemind_sdk.settings import Endpoint

    pins, name = Pins(PINS), Endpoint.parse(dialled).pin_name
    state = MemoryState(**{PINS: {other: "ab" * 32, "elsewhere:1": "cd" * 32}})
    assert pins.get(state, name) == b"\xab" * 32
    pins.put(state, name, b"\xef" * 32)
    assert state.read(PINS) == {name: "ef" * 32, "elsewhere:1": "cd" * 32}
    assert Endpoint.parse("ws://hub/a").pin_name != Endpoint.parse("ws://hub/A").pin_name


def test_hubs_that_differ_in_the_path_alone_have_pins_of_their_own():
    """Behind one reverse proxy; without a path a pin is filed as the reference client files it."""
    from hivemind_sdk.settings import Endpoint

    names = [
        Endpoint.parse(url).pin_name for url in ("ws://proxy", "ws://proxy/", "ws://proxy/kitchen", "ws://[::1]:1/a/")
    ]
    assert names == ["proxy:5678", "proxy:5678", "proxy:5678/kitchen", "[::1]:1/a"]
    server = {name: hub() for name in ("proxy:5678/kitchen", "proxy:5678/garage")}
    client = satellite()
    for name, one in server.items():
        client.extra["authority"] = name
        connect(client, one)
    assert set(client.state.read("pinned_noise_keys")) == set(server)
    client.extra["authority"] = "proxy:5678/kitchen"
    with pytest.raises((AuthenticationRefused, HandshakeError)):
        connect(client, server["proxy:5678/garage"])
