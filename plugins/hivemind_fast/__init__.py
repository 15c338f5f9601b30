"""Faster JSON and zlib, where `orjson` and `isal` are installed (`pip install hivemind-satellite-sdk[fast]`).

Only the records are here: the libraries are imported when a satellite is made.
"""

from __future__ import annotations

from importlib.util import find_spec

from hivemind_sdk.contracts import Deflate, JSONText
from hivemind_sdk.hooks import PrimitivePlugin, hookimpl

HIVEMIND_API = 1


@hookimpl
def hivemind_primitives() -> list[PrimitivePlugin]:
    """None where neither library is there."""
    records = {
        "orjson": PrimitivePlugin(name="orjson", primitive="JSON", create=_orjson, help="JSON by orjson"),
        "isal": PrimitivePlugin(name="isal", primitive="DEFLATE", create=_isal, help="zlib data by isal"),
    }
    return [record for library, record in records.items() if find_spec(library)]


def _orjson() -> JSONText:
    from .orjson_text import OrjsonText

    return OrjsonText()


def _isal() -> Deflate:
    from .isal_deflate import IsalDeflate

    return IsalDeflate()
