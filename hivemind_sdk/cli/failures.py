"""What goes wrong, as one readable line on stderr, an object on stdout where `--json` was given, and an exit code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from ..errors import (
    NOT_ALLOWED,
    HandshakeError,
    HiveMindError,
    IdentityError,
    LinkClosed,
    LinkError,
    LinkTimeout,
    LocalProtocolError,
    PluginError,
    PolicyDenied,
    Refused,
    RequestAborted,
    RequestTimeout,
    SettingsError,
    Unreachable,
)
from .console import JSON, PIPE_CLOSED, fitted, one_line, pipe_closed
from .interrupts import INTERRUPTED, interrupted

FAILED, BAD_INPUT, REFUSED, UNREACHABLE, TIMED_OUT, LOST, DENIED = range(1, 8)

MEANING: Mapping[int, str] = {
    0: "done",
    FAILED: "failed in a way that has no code of its own",
    BAD_INPUT: "bad input: an option, a setting, the identity, a plugin that is missing",
    REFUSED: "refused by the hub: access key, password, key, no common handshake",
    UNREACHABLE: "the hub can't be reached",
    TIMED_OUT: "timed out",
    LOST: "the link was lost",
    DENIED: "denied: the hub does not allow this to this access key",
    INTERRUPTED: "interrupted (Ctrl-C)",
    PIPE_CLOSED: "whoever read the output has gone",
}
EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code:<4} {text}" for code, text in MEANING.items())

_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (SettingsError, BAD_INPUT),
    (IdentityError, BAD_INPUT),
    (PluginError, BAD_INPUT),
    (LocalProtocolError, BAD_INPUT),
    (Refused, REFUSED),
    (HandshakeError, REFUSED),
    (Unreachable, UNREACHABLE),
    (LinkTimeout, TIMED_OUT),
    (RequestTimeout, TIMED_OUT),
    (PolicyDenied, DENIED),
    (LinkError, LOST),
    (RequestAborted, LOST),
)
"""the first that fits"""
_DETAILS = ("code", "reason", "phase", "denied_type")

REPORT, VERBOSE = "hivemind.report", "hivemind.verbose"
"""in `Context.meta`: what the object of `--json` holds in any case; whether to show tracebacks"""


def exit_code(error: BaseException) -> int:
    """What a program ends with that ends with this error."""
    links = (error, error.__cause__)
    if any(isinstance(one, LinkClosed) and one.code == NOT_ALLOWED for one in links):
        return DENIED
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def tell(error: BaseException, meta: Mapping[str, Any]) -> int:
    """Say what happened, to people and to programs. -> the exit code"""
    if isinstance(error, BrokenPipeError) and not isinstance(error, HiveMindError):
        return pipe_closed()
    if interrupted(error) or isinstance(error, click.Abort):
        return INTERRUPTED
    text, hint, code = _described(error)
    if meta.get(VERBOSE) and not isinstance(error, (HiveMindError, click.ClickException)):
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    whole = one_line(f"Error: {text}" + (f" ({hint})" if hint else ""))
    click.secho(fitted(whole, err=True), fg="red", err=True, color=_color())
    if meta.get(JSON):
        import json

        details = {name: getattr(error, name) for name in _DETAILS if getattr(error, name, None)}
        told = {"type": type(error).__name__, "message": text, "hint": hint, "exit_code": code, **details}
        try:
            click.echo(json.dumps({**meta.get(REPORT, {}), "error": told}, default=str))
        except BrokenPipeError:
            return pipe_closed()
    return code


def _described(error: BaseException) -> tuple[str, str, int]:
    """-> text, hint, exit code"""
    if isinstance(error, HiveMindError):
        return str(error) or type(error).__name__, error.hint, exit_code(error)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return error.format_message(), f"see `{error.ctx.command_path} --help`", error.exit_code
    if isinstance(error, click.ClickException):
        return error.format_message(), "", error.exit_code
    if isinstance(error, OSError):
        return f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""), "", FAILED
    return f"{type(error).__name__}: {error}", "this is a bug; `hivemind-client -v ...` shows where", FAILED


def _color() -> bool | None:
    return False if os.environ.get("NO_COLOR") else None
