"""A place to install fake distributions in."""

from __future__ import annotations

import pytest
from plugins.dists import Dists


@pytest.fixture
def dists(tmp_path, monkeypatch):
    made = Dists(tmp_path, monkeypatch)
    yield made
    made.forget()


@pytest.fixture
def beside_ours(tmp_path, monkeypatch):
    """The same, where the built-ins are found, too."""
    made = Dists(tmp_path, monkeypatch, beside_ours=True)
    yield made
    made.forget()
