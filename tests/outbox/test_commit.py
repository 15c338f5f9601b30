"""Several threads that keep messages at the same time: one writes for all that wait, and none is left behind."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from link_kit import LONG

from hivemind_sdk import HiveMessageType
from hivemind_sdk.engine.entries import Entry
from hivemind_sdk.errors import StoreFailed
from hivemind_sdk.threads.store import MessageStore

CALLERS = 12


class Watched(MessageStore):
    """The first transaction goes on until `go` is set, and ends with `first_error`, if that is given."""

    def __init__(self, path, first_error=None):
        self.batches = []
        self.go, self.writes = threading.Event(), threading.Event()
        self.first_error = first_error
        super().__init__(str(path))

    def add(self, entries):
        self.batches.append(len(entries))
        if len(self.batches) == 1:
            self.writes.set()
            assert self.go.wait(LONG)
            if self.first_error is not None:
                raise self.first_error
        super().add(entries)


def entry(number):
    return Entry(HiveMessageType.BUS, "{}", 2, time.time() + 1000, row=number, message_id=str(number))


def outcome(store, number):
    try:
        store.commit([entry(number)])
    except BaseException as error:
        return type(error)
    return None


def run(store):
    """All callers while the first one writes. -> what each of them got"""
    with ThreadPoolExecutor(CALLERS) as pool:
        first = pool.submit(outcome, store, 1)
        assert store.writes.wait(LONG)
        others = [pool.submit(outcome, store, number) for number in range(2, CALLERS + 1)]
        store.go.set()
        return first.result(LONG), [other.result(LONG) for other in others]


def test_each_message_is_on_disk_when_its_caller_goes_on_and_most_share_a_transaction(tmp_path):
    store = Watched(tmp_path / "messages.db")
    first, others = run(store)
    assert first is None
    assert set(others) == {None}
    assert (store.backlog().count, sum(store.batches)) == (CALLERS, CALLERS)
    store.close()


@pytest.mark.parametrize("error", [KeyboardInterrupt, StoreFailed])
def test_the_others_go_on_where_the_first_transaction_fails(tmp_path, error):
    store = Watched(tmp_path / "messages.db", error("no"))
    first, others = run(store)
    assert first is error
    assert set(others) == {None}
    assert store.backlog().count == CALLERS - 1
    store.close()


def test_many_rounds_of_many_callers_lose_no_message_and_no_caller(tmp_path):
    store = MessageStore(str(tmp_path / "messages.db"))
    rounds = 40

    def caller(which):
        for number in range(rounds):
            store.commit([entry(1 + which * rounds + number)])

    with ThreadPoolExecutor(CALLERS) as pool:
        for done in [pool.submit(caller, which) for which in range(CALLERS)]:
            done.result(LONG)
    assert store.backlog().count == CALLERS * rounds
    store.close()
