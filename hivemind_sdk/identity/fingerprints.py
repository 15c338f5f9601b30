"""How keys are shown to people: a hash short enough to be compared by eye."""

from __future__ import annotations

import base64
from hashlib import sha256


def fingerprint(key: bytes) -> str:
    """As people know it from SSH: `SHA256:` and 43 characters. `key`: a raw static key, or the DER of an RSA key."""
    return "SHA256:" + base64.b64encode(sha256(key).digest()).decode().rstrip("=")


def pem_fingerprint(pem: str) -> str:
    """The fingerprint of what a PEM text holds, however its lines are broken. Raises ValueError for what is no PEM."""
    lines = [line.strip() for line in pem.strip().splitlines()]
    if len(lines) < 2 or not lines[0].startswith("-----BEGIN ") or not lines[-1].startswith("-----END "):
        raise ValueError("not a PEM text")
    return fingerprint(base64.b64decode("".join(lines[1:-1]), validate=True))
