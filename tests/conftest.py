"""What all tests share: a home of their own, and how hard hypothesis tries."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

_CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}  # two busy cores are no failure

settings.register_profile("default", **_CALM)
settings.register_profile("ci", max_examples=60, derandomize=True, database=None, print_blob=True, **_CALM)
settings.register_profile("fuzz", max_examples=20_000, print_blob=True, **_CALM)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "default")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a script; what we start would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """More than there are cores: a third of the time of our tests is waiting."""
    return math.ceil(1.5 * (os.cpu_count() or 1))


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees, or writes to, the home of whoever runs it: importing ovos_bus_client leaves a folder there."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for kind in ("CONFIG", "DATA", "STATE", "CACHE"):
            patch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
        for name in [name for name in os.environ if name.startswith("HIVEMIND_") and "INTEROP" not in name]:
            patch.delenv(name)
        yield
