"""Nothing that a test has started is there when it is over."""

from __future__ import annotations

import pytest
from link_kit import close_all, our_threads, wait_for_end


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = our_threads()
    yield
    close_all()
    assert wait_for_end(our_threads() - before) == set()
