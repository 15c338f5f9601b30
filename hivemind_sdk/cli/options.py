"""The options that commands share: where the hub is, who we are, what to send, how long to wait."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from .console import fitted

F = TypeVar("F", bound=Callable[..., Any])
CONNECT = 30.0
"""seconds to connect in, unless the user says otherwise"""
_LONGEST = 1_000_000.0
_STDIN = "-"


def seconds(value: str) -> float:
    """A time that one can wait for."""
    with suppress(ValueError):
        if 0 < (number := float(value)) <= _LONGEST:  # nor NaN
            return number
    raise click.BadParameter(f"{str(value)[:40]!r} is not a number of seconds above 0")


def _secret(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """`-` is asked for, or read as a line of stdin. What stands in the arguments is taken, with a word to a person."""
    if value == _STDIN:
        return _typed(param.human_readable_name) if sys.stdin.isatty() else _read(param.human_readable_name)
    value = _filled(ctx, param, value)
    exposed = value and ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
    if exposed and sys.stderr.isatty() and not ctx.meta.get(_TOLD):
        ctx.meta[_TOLD] = True
        text = "Note: other users of this machine can see what stands in the arguments; `-` asks for it, see --help"
        click.secho(fitted(text, err=True), dim=True, err=True)
    return value or None


def _language(ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
    if value:
        return value
    from ..client.node_identity import NodeIdentity
    from ..satellite.language import default_language

    return default_language(NodeIdentity(app_name=ctx.obj).state)


def _filled(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """What was given; None where nothing was. An empty argument is an error: most often a shell variable is not set."""
    if value == "" and ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE:
        raise click.BadParameter("is empty; leave the option out to keep what is stored", ctx, param)
    return value or None


def _one_port(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """`--host NAME:PORT --port PORT` would have one of the two win in silence. The environment may give way."""
    value = _filled(ctx, param, value) if isinstance(value, str) else value
    given = {**ctx.params, param.name: value}
    host, port = given.get("host"), given.get("port")
    sources = {ctx.get_parameter_source(name) for name in ("host", "port")}
    if host and port and len(sources) == 1:
        from ..settings import Endpoint

        if (found := Endpoint.parse(host, port).port) != port:
            raise click.UsageError(f"--host has the port {found}, and --port says {port}: give one of them", ctx)
    return value


def _typed(what: str) -> str:
    answer: str = click.prompt(what.capitalize(), hide_input=True, err=True)
    return answer


def _read(what: str) -> str:
    line = sys.stdin.readline().strip("\r\n\ufeff")
    if not line:
        raise click.UsageError(f"no {what} came on stdin")
    return line


class UserPath(click.Path):
    """A path in which `~` is the user's home, also where no shell has replaced it (`--ca=~/ca.pem`)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from ..errors import SettingsError
        from ..settings.user_input import user_path

        try:
            return super().convert(str(user_path(value)), param, ctx)
        except SettingsError as error:
            self.fail(f"{error}; {error.hint}", param, ctx)


_TOLD = "hivemind.told_of_arguments"
_IDENTITY = (
    click.option(
        "--key", metavar="KEY", envvar="HIVEMIND_KEY", callback=_secret, help="Access key; `-` asks. [$HIVEMIND_KEY]"
    ),
    click.option(
        "--password",
        metavar="PASSWORD",
        envvar="HIVEMIND_PASSWORD",
        callback=_secret,
        help="Password; `-` asks. [$HIVEMIND_PASSWORD]",
    ),
    click.option(
        "--provisioned-key",
        metavar="HEX",
        envvar="HIVEMIND_PROVISIONED_KEY",
        callback=_secret,
        help="In the place of a password: see `hivemind-core derive-psk`. [$HIVEMIND_PROVISIONED_KEY]",
    ),
)
_HUB = (
    click.option(
        "--host",
        metavar="HOST",
        envvar="HIVEMIND_HOST",
        callback=_one_port,
        help="NAME, ws://NAME or wss://NAME[/PATH]. [$HIVEMIND_HOST]",
    ),
    click.option(
        "--port",
        metavar="PORT",
        type=click.IntRange(1, 65535),
        envvar="HIVEMIND_PORT",
        callback=_one_port,
        help="[$HIVEMIND_PORT]",
    ),
)
_SITE = (
    click.option(
        "--siteid",
        metavar="SITE",
        envvar="HIVEMIND_SITEID",
        callback=_filled,
        help="Where this satellite stands. [$HIVEMIND_SITEID]",
    ),
)
name_option = click.option(
    "--name", metavar="NAME", envvar="HIVEMIND_NAME", callback=_filled, help="A label for people. [$HIVEMIND_NAME]"
)
lang_option = click.option(
    "--lang",
    metavar="LANG",
    envvar="HIVEMIND_LANG",
    callback=_language,
    help="Language of what is said. [$HIVEMIND_LANG; default: that of the identity, or en-us]",
)
_TLS = (
    click.option(
        "--ca", metavar="FILE", type=UserPath(exists=True, dir_okay=False), help="The authority to trust, PEM."
    ),
    click.option("--pin", metavar="SHA256", help="Accept only the certificate with this hash, as openssl prints it."),
    click.option("--insecure", is_flag=True, help="Accept any certificate."),
)
_VERSION = click.IntRange(0, 3)
_PROTOCOL = (
    click.option("--min-protocol", metavar="0-3", type=_VERSION, default=0, help="Refuse a link below this version."),
    click.option("--max-protocol", metavar="0-3", type=_VERSION, default=3, help="Use no version above this one."),
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
_SET = (
    click.option(
        "--set",
        "set_",
        metavar="NAME=VALUE",
        multiple=True,
        help="Any other setting, such as retry_refused=true, limits.outbox_messages=50 or headers.NAME=VALUE.",
    ),
)
link_options = _all(_IDENTITY + _HUB + _SITE + _TLS + _PROTOCOL + _SET)
"""the same, and --ca --pin --insecure --min-protocol --max-protocol --set; what is not given comes from the identity"""
message_options = _all(
    (
        click.option("--msg", metavar="TYPE", help="Type of the bus message."),
        click.option("--payload", metavar="JSON", help="Its data, an object. [default: {}]"),
    )
)
"""--msg --payload, for `payload.bus_message`"""
utterance_options = _all(
    (
        click.option("--utterance", metavar="TEXT", help="An utterance, in place of --msg and --payload."),
        lang_option,
    )
)
"""--utterance --lang, for `payload.question`"""


def timeout_option(default: float = CONNECT, text: str = "Seconds to connect in.") -> Callable[[F], F]:
    """--timeout, a float."""
    return click.option(
        "--timeout", type=seconds, metavar="SECONDS", default=f"{default:g}", show_default=True, help=text
    )


def answers_option(default: float) -> Callable[[F], F]:
    """--timeout, where a command waits for answers: it bounds these; for connecting see `to_connect`."""
    return timeout_option(default, f"Seconds to wait for answers; there are {CONNECT:g} at least to connect in.")


def to_connect(timeout: float) -> float:
    """Seconds to connect in, where `--timeout` is about answers: deriving a key may take longer than a PONG."""
    return max(CONNECT, timeout)
