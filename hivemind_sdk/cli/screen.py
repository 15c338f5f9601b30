"""A terminal that is written to while somebody types at it; or a pipe."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from ..identity.private_files import Turn
from .console import clean
from .interrupts import wake_main

PROMPT = "Utterance: "
DRAWN = 0.5
"""seconds after which a prompt is there, whether that is told or not"""
_LOOK = 0.005
"""seconds between two looks whether it is there"""


class Screen:
    """`lines` are what is typed, `show` prints above the prompt. Any thread may show, one reads."""

    def __init__(self) -> None:
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()
        self._turn = Turn()
        """to draw"""
        self._drawing: list[None] = []
        """an item while the prompt is being drawn"""
        self._reading = self._prompting = False
        self._readline: Any = None
        if self.interactive:
            try:
                import readline  # makes input() edit, and knows what is typed so far
            except ImportError:  # Windows
                return
            self._readline = readline
            if self._tells_of_prompts:  # a function of Python's would swallow a Ctrl-C that comes in its midst
                readline.set_pre_input_hook(self._drawing.clear)

    def lines(self) -> Iterator[str]:
        """What is typed, without blank lines, until the end of input."""
        while True:
            self._reading = True
            try:
                text = self._typed() if self.interactive else sys.stdin.readline()
            finally:
                self._reading = False
            if not text:
                return
            if text.strip():
                yield text.strip()

    def show(self, text: str, *, err: bool = False, **style: Any) -> None:
        """Print a line, without harm to what is being typed."""
        until = time.monotonic() + DRAWN
        with self._turn:
            while self._drawing and time.monotonic() < until:
                time.sleep(_LOOK)
            styled = click.style(clean(text), **style) + "\n"
            if not self._prompting:
                click.echo(styled, err=err, nl=False)
                return
            clear = "\n" if os.environ.get("TERM") == "dumb" else "\r\x1b[K"
            above = clear + styled
            if err:
                click.echo(clear, nl=False)
                click.echo(styled, err=True, nl=False)
                above = ""
            typed = None
            while typed != (typed := self._typed_so_far()):  # again where somebody typed in between
                click.echo(above + PROMPT + typed, nl=False)
                above = clear

    def _typed_so_far(self) -> str:
        return self._readline.get_line_buffer() if self._readline else ""

    def interrupt(self) -> None:
        """Wake whoever reads, with a KeyboardInterrupt."""
        if self._reading:
            wake_main(signal.SIGINT)

    def _typed(self) -> str:
        """A line with its end; nothing at the end of input."""
        try:
            with self._turn:
                self._prompting = True
                if self._tells_of_prompts:
                    self._drawing.append(None)
            return input(PROMPT) + "\n"
        except (EOFError, KeyboardInterrupt) as end:
            click.echo()
            if isinstance(end, KeyboardInterrupt):
                raise
            return ""
        finally:
            self._drawing.clear()
            with self._turn:
                self._prompting = False

    @property
    def _tells_of_prompts(self) -> bool:
        libedit = "libedit" in (getattr(self._readline, "__doc__", "") or "")  # it has the hook, and never calls it
        return hasattr(self._readline, "set_pre_input_hook") and not libedit
