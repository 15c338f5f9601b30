"""Run where all distributions are installed from their wheels: every plugin is active, and each range holds."""

from __future__ import annotations

import sys
from importlib import metadata

from packaging.requirements import Requirement

from hivemind_sdk.plugins.entrypoints import DISTRIBUTION
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.plugins.records import KINDS


def main() -> str | None:
    """-> what is wrong, or None"""
    core = metadata.version(DISTRIBUTION)
    reports = load(kinds=KINDS).reports
    faults = [f"{one.name} of {one.provider} is {one.state}: {one.reason}" for one in reports if one.state != "active"]
    for provider in sorted({one.provider for one in reports if not one.builtin}):
        stated = [Requirement(text) for text in metadata.requires(provider) or ()]
        (range_,) = (one.specifier for one in stated if one.name == DISTRIBUTION)
        print(f"{provider} {metadata.version(provider)}: {DISTRIBUTION} {core} in {range_}")
        if core not in range_:
            faults.append(f"{provider} wants {DISTRIBUTION}{range_}, and this is {core}")
    print(f"{len(reports)} reports of plugins")
    return "\n".join(faults) or None


if __name__ == "__main__":
    sys.exit(main())
