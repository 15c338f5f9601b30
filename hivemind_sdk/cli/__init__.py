"""The command line: `hivemind-client`, and `python -m hivemind_sdk`."""

from __future__ import annotations

import sys

from .interrupts import INTERRUPTED, noticed


def main() -> None:
    """Run the command that the arguments name, and exit. Never ends in a traceback.

    The program is this call: what it does with Ctrl-C stays so to the end. Another program calls `app.client`.
    """
    try:
        with noticed():
            for stream in (sys.stdout, sys.stderr):
                if hasattr(stream, "reconfigure"):  # what a terminal can't show is escaped, and harms nothing
                    stream.reconfigure(errors="backslashreplace")
            from .app import run

            code = run()
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
