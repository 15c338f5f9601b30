"""Every test of Noise begins as a new process does: without derived keys."""

from __future__ import annotations

import pytest

from hivemind_noise.psk import DERIVED


@pytest.fixture(autouse=True)
def _no_derived_keys():
    DERIVED.clear()
