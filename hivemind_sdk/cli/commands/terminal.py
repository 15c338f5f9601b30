"""`terminal`: type utterances, read the answers."""

from __future__ import annotations

from typing import Any

import click

from ..failures import exit_code
from ..linking import linked
from ..options import answers_option, lang_option, link_options, to_connect
from ..payload import utterance_message
from ..screen import Screen
from ..talk import Talk

ANSWERS = 10.0


@click.command("terminal")
@lang_option
@answers_option(ANSWERS)
@link_options
@click.pass_context
def command(ctx: click.Context, /, lang: str, timeout: float, **link: Any) -> None:
    """Type utterances, read the answers. Ctrl-D or Ctrl-C ends.

    Lines from a file or a pipe are asked one after the other, each when the one before was handled. At the end of input
    what is still to be answered is waited for.
    """
    with linked(ctx.obj, link, to_connect(timeout), reconnect=True) as satellite:
        screen = Screen()
        talk = Talk(satellite, screen)
        try:
            for utterance in screen.lines():
                talk.say(utterance_message(utterance, lang), timeout)
                if not screen.interactive:
                    talk.wait(timeout)
        except KeyboardInterrupt:
            if not talk.over:
                raise
        talk.wait(timeout)
    if talk.over and talk.failure is not None:
        raise talk.failure
    if talk.failure is not None and not screen.interactive:  # it was shown when it happened
        ctx.exit(exit_code(talk.failure))
