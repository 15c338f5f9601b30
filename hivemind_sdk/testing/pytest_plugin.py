"""The pytest plugin: fixtures for tests of satellites. Loaded by every pytest, so it imports nothing before it is used.

Not wanted: `pytest -p no:hivemind`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..satellite.async_satellite import AsyncSatellite
    from ..satellite.satellite import Satellite
    from ..settings import Settings
    from .hub import Hub
    from .memory import MemoryTransport

KEY, PASSWORD = "test-access-key", "test-password-9"
"""what the satellites of these fixtures say to the hubs of these fixtures"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `hivemind_profile` runs once for each generation of the server."""
    if "hivemind_profile" in metafunc.fixturenames:
        from .profiles import PROFILES

        metafunc.parametrize("hivemind_profile", list(PROFILES))


@pytest.fixture
def hivemind_hub_factory() -> Iterator[Callable[..., Hub]]:
    """`hivemind_hub_factory(profile, **options)`: a hub that knows KEY and PASSWORD, until the test is over."""
    from .hub import Hub, HubClient

    with ExitStack() as stack:
        yield lambda profile="5.3.10a1", **options: stack.enter_context(
            Hub([HubClient(KEY, PASSWORD), *options.pop("clients", ())], profile, **options)
        )


@pytest.fixture
def hivemind_hub(hivemind_hub_factory: Callable[..., Hub]) -> Hub:
    """An embedded hub like the newest server. `start()` makes it listen on a loopback port."""
    return hivemind_hub_factory()


@pytest.fixture
def hivemind_profile_hub(hivemind_hub_factory: Callable[..., Hub], hivemind_profile: str) -> Hub:
    """One embedded hub after the other, like each generation of the server."""
    return hivemind_hub_factory(hivemind_profile)


@pytest.fixture
def hivemind_satellite() -> Iterator[Callable[..., Satellite]]:
    """`hivemind_satellite(hub, **options)`: one that is READY on that hub, in memory; closed after the test.

    Options that are fields of Settings go there, the others to the Satellite. `handlers` are names of installed ones,
    or handlers of yours, as NamedHandler.
    """
    with ExitStack() as stack:
        yield lambda hub, **options: stack.enter_context(_satellite(hub, options))


@pytest.fixture
def hivemind_async_satellite() -> Iterator[Callable[..., AsyncSatellite]]:
    """`hivemind_async_satellite(hub, **options)`: an AsyncSatellite on that hub, in memory. Options as above.

    It asks for no other plugin: call it in a coroutine, however that is run, and `async with` connects and closes it.
    One that is not closed when the test is over fails the test.
    """
    from ..contracts.status import FINAL, State

    made: list[AsyncSatellite] = []

    def make(hub: Hub, **options: Any) -> AsyncSatellite:
        from ..satellite.async_satellite import AsyncSatellite

        settings, parts = _parts(hub, options)
        made.append(AsyncSatellite(settings, **parts))
        return made[-1]

    yield make
    left = [one.status for one in made if one.status.state not in {*FINAL, State.IDLE}]
    if left:
        pytest.fail(f"asynchronous satellites were not closed: {', '.join(map(str, left))}")


@pytest.fixture
def hivemind_memory_pair() -> tuple[MemoryTransport, MemoryTransport]:
    """Both ends of a link without sockets."""
    from .memory import memory_pair

    return memory_pair()


@pytest.fixture
def hivemind_identity_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that identities are in, an empty one for this test; no setting of the user's environment counts."""
    for name in [name for name in os.environ if name.startswith("HIVEMIND_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "hivemind"


def _satellite(hub: Hub, options: dict[str, Any]) -> Satellite:
    from ..satellite.satellite import Satellite

    settings, parts = _parts(hub, options)
    return Satellite(settings, **parts)


def _parts(hub: Hub, options: dict[str, Any]) -> tuple[Settings, dict[str, Any]]:
    from dataclasses import fields

    from ..settings import Credentials, Endpoint, Settings
    from .state import MemoryState

    given: dict[str, Any] = {"credentials": Credentials(KEY, PASSWORD), "endpoint": Endpoint("memory", "hub")}
    names = {one.name for one in fields(Settings)} & options.keys()
    if not all(isinstance(one, str) for one in options.get("handlers") or ()):
        names.discard("handlers")  # objects: for the Satellite, beside what is installed
    given |= {name: options.pop(name) for name in names}
    return Settings(**given), {"transport": hub.connector(), "identity": MemoryState(), **options}
