"""`terminal`: type utterances, read the answers."""

from __future__ import annotations

from collections.abc import Iterator

import click

from ..options import link_options, make_client


@click.command("terminal")
@link_options
@click.option("--lang", default="en-us", show_default=True, help="Language of the utterances.")
@click.pass_obj
def command(app: str | None, lang: str, **options: object) -> None:
    """Type utterances, read the answers. Ctrl-C or Ctrl-D ends."""
    from ...messages import BusMessage
    from ...supervisor import State

    with make_client(app, options) as client:
        client.on("speak", lambda message: click.echo(f">  {message.data.get('utterance', '')}"))
        client.on("hive.policy.denied", lambda message: _complain(f"denied: {message.data.get('reason')}"))
        click.echo("== connected to HiveMind")
        for utterance in _typed():
            status = client.satellite.wait_for(State.READY)
            if status.cause is not None:
                raise status.cause
            data = {"utterances": [utterance], "lang": lang}
            client.emit(BusMessage("recognizer_loop:utterance", data, {"destination": "skills"}))


def _typed() -> Iterator[str]:
    """Lines until end of input; the prompt only where somebody can see it."""
    stdin = click.get_text_stream("stdin")
    while True:
        if stdin.isatty():
            click.echo("Utterance: ", nl=False)
        line = stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def _complain(text: str) -> None:
    click.secho(f"!  {text}", fg="red", err=True)
