"""What goes wrong, as one readable line on stderr and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import (
    HiveMindError,
    IdentityError,
    LinkError,
    LinkTimeout,
    LocalProtocolError,
    PolicyDenied,
    Refused,
    RequestTimeout,
    SettingsError,
    Unreachable,
)

FAILED, BAD_INPUT, REFUSED, UNREACHABLE, TIMED_OUT, LOST, DENIED = range(1, 8)

EXIT_CODES: tuple[tuple[type[HiveMindError], int], ...] = (
    (SettingsError, BAD_INPUT),
    (IdentityError, BAD_INPUT),
    (LocalProtocolError, BAD_INPUT),
    (Refused, REFUSED),
    (Unreachable, UNREACHABLE),
    (LinkTimeout, TIMED_OUT),
    (RequestTimeout, TIMED_OUT),
    (LinkError, LOST),
    (PolicyDenied, DENIED),
    (HiveMindError, FAILED),
)
"""the first that fits"""


def exit_code(error: HiveMindError) -> int:
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


@contextmanager
def readable() -> Iterator[None]:
    """Turn our errors into a line and an exit code; what is not ours is a bug and says so, without a traceback."""
    try:
        yield
    except HiveMindError as error:
        _say(str(error), error.hint)
        sys.exit(exit_code(error))
    except OSError as error:
        _say(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""), "")
        sys.exit(FAILED)


def _say(text: str, hint: str) -> None:
    import click

    click.secho(f"Error: {text}" + (f" ({hint})" if hint else ""), fg="red", err=True)
