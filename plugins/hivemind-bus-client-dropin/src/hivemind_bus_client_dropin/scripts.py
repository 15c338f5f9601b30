"""What the reference's script `hivemind-client` calls: the command line of the SDK, which has the same commands."""

from __future__ import annotations

import runpy

__all__ = ["hmclient_cmds"]


def hmclient_cmds() -> None:
    """Run the command that the arguments name, and exit."""
    runpy.run_module("hivemind_sdk", run_name="__main__", alter_sys=True)
