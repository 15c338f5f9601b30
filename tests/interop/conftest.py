"""A running hivemind-core for each test that asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from interop.servers import Server

LEGACY = ("4.0.0", "4.6.1a1")
"""the servers that speak no v3"""


@pytest.fixture
def start_hub(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`start_hub(version, clients=..., binarize=True, ...)` -> a running Server, stopped when the test ends."""
    with ExitStack() as stack:

        def start(version: str, **settings: Any) -> Server:
            folder = settings.pop("folder", tmp_path / version)
            return stack.enter_context(Server(version, folder, **settings))

        yield start


@pytest.fixture(params=LEGACY)
def hub(request: pytest.FixtureRequest, start_hub: Callable[..., Server]) -> Server:
    """Each server in turn, as it comes: one satellite with a password, JSON frames."""
    return start_hub(request.param)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is in this folder is interop."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.interop)
            item.add_marker(pytest.mark.timeout(600))
