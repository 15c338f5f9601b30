"""A place to install fake distributions in."""

from __future__ import annotations

import pytest
from plugins.dists import Dists


@pytest.fixture
def dists(tmp_path, monkeypatch):
    made = Dists(tmp_path, monkeypatch)
    yield made
    made.forget()
