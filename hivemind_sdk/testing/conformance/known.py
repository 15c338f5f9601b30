"""Known answers, recorded in files beside this one: what other implementations computed of the same input."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any


def known(file: str, name: str) -> list[dict[str, Any]]:
    """The cases of `FILE.json` that are filed under this name. Texts of fields named `..._hex` are given as bytes."""
    return [
        {
            key.removesuffix("_hex"): bytes.fromhex(value) if key.endswith("_hex") else value
            for key, value in one.items()
        }
        for one in _read(file).get(name, [])
    ]


@lru_cache
def _read(file: str) -> dict[str, list[dict[str, Any]]]:
    text = files(__package__).joinpath(f"{file}.json").read_text(encoding="utf-8")
    cases: dict[str, list[dict[str, Any]]] = json.loads(text)
    return cases
