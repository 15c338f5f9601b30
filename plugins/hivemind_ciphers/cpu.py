"""Whether this CPU has AES instructions, by which providers rank ciphers: one look at a file. In doubt, it has."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FLAGS = re.compile(r"^(?:flags|Features)\s*:(.*)$", re.MULTILINE)


@cache
def has_aes(cpuinfo: str = "/proc/cpuinfo") -> bool:
    """False only where Linux lists the features of the CPU and `aes` is not among them (a Raspberry Pi 4, say)."""
    try:
        with Path(cpuinfo).open(encoding="utf-8", errors="replace") as file:
            listed = _FLAGS.search(file.read(16384))
    except OSError:
        return True
    return listed is None or "aes" in listed[1].split()
