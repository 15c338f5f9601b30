"""A transport that is made of `hivemind_sdk.sockets` keeps the contract."""

from __future__ import annotations

from pathlib import Path

from public_kit import imports, is_public
from transport.framed import FramedConnector, framed_server

from hivemind_sdk.testing import TransportContract

SOURCE = Path(__file__).with_name("framed.py")


class TestFramed(TransportContract):
    scheme = "framed"

    def connector(self):
        return FramedConnector()

    def serving(self, accept):
        return framed_server(accept)

    def refusing(self):
        return framed_server(lambda *_: None, answer="go away")


def test_it_is_made_of_public_parts():
    used = set(imports(SOURCE.read_text(encoding="utf-8")))
    assert {module for module, _ in used} >= {"hivemind_sdk.sockets", "hivemind_sdk.contracts"}
    assert [one for one in used if not is_public(*one)] == []
