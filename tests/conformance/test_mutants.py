"""The kit catches bad plugins: each mutant fails the check that it was made for, and its twin passes all of them."""

from __future__ import annotations

from importlib import import_module

import pytest
from conformance.mutants import MUTANTS

from hivemind_sdk.testing.conformance import failures, run

ROOMS = ("ciphers", "handlers", "handshakes", "identities", "observers", "primitives", "transports", "async_transports")
TWINS = [twin for room in ROOMS for twin in vars(import_module(f"conformance.broken_{room}")).values()]
TWINS = [
    twin
    for twin in TWINS
    if isinstance(twin, type)
    and twin.__name__ in ("Twin", "AsyncTwin", "InMemory", "CommandTwin", "RSATwin", "X25519Twin", "Argon2idTwin")
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_the_mutant_fails_the_check_that_it_was_made_for(mutant):
    (result,) = run(mutant.contract, [mutant.check])
    assert not result.passed, f"{mutant} passes {mutant.check}"
    assert result.reason


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: f"{twin.__module__}.{twin.__name__}")
def test_its_twin_without_the_fault_passes_every_check(twin):
    assert failures(run(twin)) == []
