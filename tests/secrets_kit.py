"""Looking for secrets in what was written: as they are, in hex, in base64 of either alphabet, percent-encoded."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

SHORTEST = 8
"""characters; of what is shorter nothing can be said"""


def forms(secret: str | bytes) -> set[str]:
    """Every way in which this secret might stand in a text."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    plain = base64.b64encode(raw).decode().rstrip("=")
    found = {raw.hex(), raw.hex().upper(), raw.hex(":"), plain, plain.replace("+", "-").replace("/", "_")}
    found |= {quote(raw, safe=""), quote_plus(raw), repr(raw)[2:-1]}
    if isinstance(secret, str):
        found |= {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    for whole in list(found):
        found.add(quote(whole, safe=""))
    return {one for one in found if len(one) >= SHORTEST}


def of_pem(pem: str) -> list[str]:
    """The body of a private RSA key, whole and line by line, but for the beginning: the modulus is public."""
    lines = [line for line in pem.splitlines() if not line.startswith("-----")]
    return ["".join(lines), *(line for line in lines[len(lines) // 3 :] if len(line) > 40)]


def found_in(text: str, secrets: dict[str, str | bytes]) -> list[str]:
    """The names of the secrets that stand in a text, in any form; line breaks do not hide them."""
    together = re.sub(r"\\n|\s", "", text)
    return [
        name
        for name, secret in secrets.items()
        if any(form in text or re.sub(r"\s", "", form) in together for form in forms(secret))
    ]
