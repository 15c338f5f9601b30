"""Two machines of their own making: network namespaces with a cable between them (Linux, root, iproute2)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

HUB, SATELLITE = "10.9.9.2", "10.9.9.1"


@dataclass(frozen=True)
class Cable:
    """The commands that run another one on either side."""

    hub: tuple[str, ...]
    satellite: tuple[str, ...]


@contextmanager
def cable() -> Iterator[Cable]:
    """Skips where the system can't."""
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need Linux, root and iproute2")
    names = [f"hivemind-{side}-{os.getpid()}" for side in ("hub", "satellite")]
    made: list[str] = []
    try:
        for name in names:
            _ip("netns", "add", name)
            made.append(name)
        _ip("link", "add", "cable", "netns", names[0], "type", "veth", "peer", "name", "cable", "netns", names[1])
        for name, address in zip(names, (HUB, SATELLITE), strict=True):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
            for device in ("lo", "cable"):
                _ip("-n", name, "link", "set", device, "up")
            _ip("-n", name, "route", "add", "default", "dev", "cable")
        yield Cable(*(("ip", "netns", "exec", name) for name in names))
    finally:
        for name in made:
            _ip("netns", "delete", name)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20)
    if done.returncode:
        pytest.skip(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
