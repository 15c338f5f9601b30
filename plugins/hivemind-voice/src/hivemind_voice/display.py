"""Shows what a voice satellite does: lines for people, with the level on a terminal; JSON for programs."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import click

from .events import Kind, VoiceEvent

BAR = 20
"""characters of the loudest level"""
_LOOKS: dict[Kind, tuple[str, dict[str, Any]]] = {
    Kind.HEARD: ("you: {}", {"bold": True}),
    Kind.SAID: (">  {}", {"fg": "green"}),
    Kind.UNHEARD: ("-- {}", {"dim": True}),
    Kind.LINK: ("-- the link is {}", {"dim": True}),
    Kind.KEPT: ("-- kept until the link is back: {}", {"fg": "yellow"}),
    Kind.DROPPED: ("!  lost: {}", {"fg": "red"}),
    Kind.FAILED: ("!  {}", {"fg": "red"}),
}


class Lines:
    """For people. On a terminal, the last line has the state and the level."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._terminal = self.levels = sys.stdout.isatty()
        self._state, self._bar = "listening", -1

    def __call__(self, event: VoiceEvent) -> None:
        with self._lock:
            if event.kind is Kind.LEVEL:
                self._level(event.level)
            elif event.kind is Kind.STATE:
                self._state, self._bar = event.text, -1
                if not self._terminal:
                    click.echo(f"-- {event.text}")
            else:
                text, look = _LOOKS[event.kind]
                clear = "\r\x1b[K" if self._terminal else ""
                click.echo(clear + click.style(text.format(_clean(event.text)), **look))
                self._bar = -1

    def _level(self, level: float) -> None:
        # ears hear ratios: the square root shows soft speech, too
        bar = min(BAR, round(BAR * level**0.5))
        if self._terminal and bar != self._bar:
            self._bar = bar
            click.echo(f"\r\x1b[K{self._state:<10} {'#' * bar}", nl=False)


class JSONLines:
    """For programs: one object for each event."""

    levels = True

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, event: VoiceEvent) -> None:
        told: dict[str, Any] = {"event": event.kind.value}
        if event.kind is Kind.LEVEL:
            told["level"] = round(event.level, 4)
        else:
            told["text"] = event.text
        with self._lock:
            click.echo(json.dumps(told))


def _clean(text: str) -> str:
    """What a hub sends must not steer the terminal."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)
