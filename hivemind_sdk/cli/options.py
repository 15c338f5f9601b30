"""The options that commands share: where the hub is, who we are, what to send, how long to wait, how to print."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from .failures import JSON

F = TypeVar("F", bound=Callable[..., Any])
_LONGEST = 1_000_000.0
_STDIN = "-"


class Seconds(click.ParamType):
    """A time that one can wait for."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= _LONGEST:  # nor NaN
            self.fail(f"{str(value)[:40]!r} is not a number of seconds above 0", param, ctx)
        return seconds


def _secret(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """`-` is asked for, or read as a line of stdin. What stands in the arguments is used, with a word to whom it may concern."""
    if value == _STDIN:
        return _typed(param.human_readable_name) if sys.stdin.isatty() else _read(param.human_readable_name)
    exposed = value and ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
    if exposed and sys.stderr.isatty() and not ctx.meta.get(_TOLD):
        ctx.meta[_TOLD] = True
        text = "Note: other users of this machine can see what stands in the arguments; `-` asks for it, see --help"
        click.secho(text, dim=True, err=True)
    return value or None


def _typed(what: str) -> str:
    answer: str = click.prompt(what.capitalize(), hide_input=True, err=True)
    return answer


def _read(what: str) -> str:
    line = sys.stdin.readline().strip("\r\n")
    if not line:
        raise click.UsageError(f"no {what} came on stdin")
    return line


_TOLD = "hivemind.told_of_arguments"
_IDENTITY = (
    click.option("--key", envvar="HIVEMIND_KEY", show_envvar=True, callback=_secret, help="Access key; `-` asks for it."),
    click.option(
        "--password", envvar="HIVEMIND_PASSWORD", show_envvar=True, callback=_secret, help="Password; `-` asks for it."
    ),
)
_HUB = (
    click.option("--host", envvar="HIVEMIND_HOST", show_envvar=True, help="The hub: NAME, ws://NAME, wss://NAME[/PATH]."),
    click.option("--port", type=click.IntRange(1, 65535), envvar="HIVEMIND_PORT", show_envvar=True, help="Its port."),
)
_SITE = (click.option("--siteid", envvar="HIVEMIND_SITEID", show_envvar=True, help="Where this satellite stands."),)
_TLS = (
    click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="PEM file of the authority to trust."),
    click.option("--pin", help="SHA-256 of the hub's certificate, in hex: only this one is accepted."),
    click.option("--insecure", is_flag=True, help="Accept any certificate."),
)
_PROTOCOL = (
    click.option("--min-protocol", type=click.IntRange(0, 3), default=0, help="Refuse a link below this version."),
    click.option("--max-protocol", type=click.IntRange(0, 3), default=3, help="Do not use a version above this one."),
)


def _all(options: tuple[Callable[[F], F], ...]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


hub_options = _all(_HUB)
"""--host --port"""
identity_options = _all(_IDENTITY + _HUB + _SITE)
"""--key --password --host --port --siteid"""
link_options = _all(_IDENTITY + _HUB + _SITE + _TLS + _PROTOCOL)
"""the same, and --ca --pin --insecure --min-protocol --max-protocol; what is not given comes from the identity"""
message_options = _all(
    (
        click.option("--msg", metavar="TYPE", help="Type of the bus message."),
        click.option("--payload", metavar="JSON", help="Its data, an object.  [default: {}]"),
    )
)
"""--msg --payload, for `payload.bus_message`"""
utterance_options = _all(
    (
        click.option("--utterance", metavar="TEXT", help="An utterance, in place of --msg and --payload."),
        click.option("--lang", default="en-us", show_default=True, help="Its language."),
    )
)
"""--utterance --lang, for `payload.question`"""


def timeout_option(answers: float | None = None) -> Callable[[F], F]:
    """--timeout: bounds connecting and, where a command waits for answers (`answers` seconds by default), that too."""
    text = "Seconds to connect in" + ("." if answers is None else ", and then to wait for answers.")
    default = f"{CONNECT:g}" + ("" if answers is None else f", and {answers:g} for answers")
    return click.option("--timeout", type=Seconds(), help=f"{text}  [default: {default}]")


CONNECT = 30.0
"""seconds to connect in, unless the user says otherwise"""


def _note_json(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    ctx.meta[JSON] = value
    return value


def json_option(text: str = "Print the outcome as JSON.") -> Callable[[F], F]:
    """--json, as `as_json`; errors are then printed as JSON, too."""
    return click.option("--json", "as_json", is_flag=True, is_eager=True, callback=_note_json, help=text)
