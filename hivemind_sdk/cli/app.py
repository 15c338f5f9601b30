"""The group of commands: built-in ones from a table, third parties' from metadata; each is imported when it is run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from .failures import readable


class BuiltIn(NamedTuple):
    """A command of ours: where it is, and its line in `--help`."""

    module: str
    help: str


BUILT_IN: Mapping[str, BuiltIn] = {
    "demo": BuiltIn("demo", "Start a hub in this process, connect a satellite to it, and talk."),
    "set-identity": BuiltIn("set_identity", "Remember the hub, the access key and the password of this node."),
    "test-identity": BuiltIn("test_identity", "Connect with the identity, and say what was negotiated."),
    "reset-keys": BuiltIn("reset_keys", "Make new RSA keys for this node."),
    "reset-pgp": BuiltIn("reset_keys", "The old name of reset-keys."),
    "terminal": BuiltIn("terminal", "Type utterances, read the answers."),
    "send-mycroft": BuiltIn("send_mycroft", "Send one bus message, and wait for an answer if asked to."),
    "plugins": BuiltIn("plugins", "List the plugins that were found, and their state."),
}


class LazyGroup(click.Group):
    """Knows the names and help lines of its commands without importing any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*BUILT_IN, *sorted(name for name in _third_party() if name not in BUILT_IN)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in BUILT_IN:
            command = import_module(f".commands.{BUILT_IN[name].module}", __package__).command
            return command if isinstance(command, click.Command) else None
        if name in _third_party():
            from ..loader import load_command

            with readable():
                loaded: Any = load_command(name)
            return loaded if isinstance(loaded, click.Command) else None
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, entry.help) for name, entry in BUILT_IN.items()]
        rows += [(name, entry.help) for name, entry in sorted(_third_party().items()) if name not in BUILT_IN]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        with readable():
            return super().invoke(ctx)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--app", metavar="NAME", envvar="HIVEMIND_APP", help="Use the identity of this application.")
@click.option("-v", "--verbose", is_flag=True, help="Log what happens to stderr (no payloads, no secrets).")
@click.version_option(package_name="hivemind-satellite-sdk", prog_name="hivemind-client")
@click.pass_context
def client(ctx: click.Context, app: str | None, verbose: bool) -> None:
    """Talk to a HiveMind hub.

    \b
    Exit codes: 0 done, 1 failed, 2 bad input, 3 refused by the hub,
    4 hub unreachable, 5 timed out, 6 link lost, 7 denied by the hub's policy.
    """
    ctx.obj = app
    if verbose:
        import logging

        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")


def _third_party() -> Mapping[str, Any]:
    from .third_party import commands

    return commands()
