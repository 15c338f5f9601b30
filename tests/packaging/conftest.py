"""Our wheel, for all tests of what is packed."""

from __future__ import annotations

import pytest
from wheel_kit import build


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("wheel"))
