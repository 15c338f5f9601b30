"""The command line: `hivemind-client`, and `python -m hivemind_sdk`."""

from __future__ import annotations


def main() -> None:
    """Run the command that the arguments name; never ends in a traceback."""
    from .app import client

    client(prog_name="hivemind-client")
