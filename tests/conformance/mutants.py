"""What the mutants are made of: a twin that is right, a fault of a few lines, and the name of the check it is for."""

from __future__ import annotations

from dataclasses import dataclass

from hivemind_sdk.testing.conformance import Contract

MUTANTS: list[Mutant] = []


@dataclass
class Mutant:
    """A contract over a broken implementation, and the check that must find it."""

    contract: type[Contract]
    check: str

    def __str__(self) -> str:
        return self.contract.__name__


def caught_by(check: str, *, patience: float = 10.0):
    """`patience`: seconds after which a mutant that hangs is given up."""

    def register(contract: type[Contract]) -> type[Contract]:
        contract.patience = patience
        contract.limit = 10 * patience
        MUTANTS.append(Mutant(contract, check))
        return contract

    return register
