"""What is printed, and how: lines for people, with nothing that could steer a terminal; objects for programs."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
JSON = "hivemind.json"
"""in `Context.meta`: whether `--json` was given"""
PIPE_CLOSED = 141

_DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
"""what turns the direction of a line round, or ends it, so that it shows another text than it holds"""
_CONTROLS = {
    code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0), *_DIRECTIONS, 0xFEFF) if code not in (0x09, 0x0A)
}


def clean(text: object) -> str:
    """Without control characters: what a hub sends must not move the cursor, rename the window or hide a line."""
    return str(text).translate(_CONTROLS)


def one_line(text: object) -> str:
    """The same, in one line."""
    return clean(" ".join(str(text).split()))


def fitted(text: str, *, err: bool = False, indent: str = "", first: str = "") -> str:
    """Broken between words where a terminal would break it anywhere; a pipe gets it in one line.

    `indent` is put before each line, before the first one `first` where it is given.
    """
    first = first or indent
    if not (sys.stderr if err else sys.stdout).isatty():
        return first + text
    width = shutil.get_terminal_size().columns or 80  # a terminal may have no size
    wrapper = textwrap.TextWrapper(width, first, indent, break_long_words=False, break_on_hyphens=False)
    return wrapper.fill(text)


def line(text: object, *, err: bool = False, **style: Any) -> None:
    """Print for people. Colours only where a terminal shows them."""
    click.secho(clean(text), err=err, **style)


def warn(text: object) -> None:
    """A line on stderr that is no error."""
    click.secho(fitted(one_line(f"Warning: {text}"), err=True), fg="yellow", err=True)


def json_line(value: Any) -> None:
    """Print for programs: one object, one line, ASCII."""
    import json

    click.echo(json.dumps(value))


def json_option(text: str = "Print the outcome as JSON.") -> Callable[[F], F]:
    """--json, as `as_json`; errors are then printed as JSON, too."""
    return click.option("--json", "as_json", is_flag=True, is_eager=True, callback=_note_json, help=text)


def _note_json(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    ctx.meta[JSON] = value
    return value


def flushed(code: int) -> int:
    """Write out what is left. -> the exit code: `code`, unless nobody reads any more"""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return pipe_closed()
    return code


def pipe_closed() -> int:
    """Quietly, as a program does that SIGPIPE ends: nothing more can be written, nor complained about at exit."""
    with suppress(OSError, ValueError):  # a stdout that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED
