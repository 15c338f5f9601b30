"""The groups of commands: built-in ones from a table, those of plugins from the loader; imported when they are run."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from .. import __version__
from . import failures, third_party
from .console import flushed
from .interrupts import INTERRUPTED


class BuiltIn(NamedTuple):
    """A command of ours: the module under `commands` that holds it as `command`, and its line in `--help`."""

    module: str
    help: str


class LazyGroup(click.Group):
    """Its commands are rows of a table."""

    def __init__(self, *arguments: Any, table: Mapping[str, BuiltIn], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.table = table

    def rows(self) -> list[tuple[str, str]]:
        """(name, line of help) of each command."""
        return [(name, entry.help) for name, entry in self.table.items()]

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [name for name, _ in self.rows()]

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.table:
            return None
        command: click.Command = import_module(f".commands.{self.table[name].module}", __package__).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; what it can't find is told with the names that come near."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            if near := get_close_matches(args[0], self.list_commands(ctx)):
                raise click.UsageError(f"{error.message} Did you mean {' or '.join(near)}?", ctx) from None
            raise

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(self.rows())

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        commands = [CompletionItem(name, help=text) for name, text in self.rows() if name.startswith(incomplete)]
        return commands + click.Command.shell_complete(self, ctx, incomplete)


BUILT_IN: Mapping[str, BuiltIn] = {
    "demo": BuiltIn("demo", "Start a hub here, connect a satellite to it, and talk."),
    "set-identity": BuiltIn("set_identity", "Remember hub, access key, password and site of this node."),
    "test-identity": BuiltIn("test_identity", "Connect with the identity, and say what was negotiated."),
    "doctor": BuiltIn("doctor", "Try the way to the hub step by step, and say what fails."),
    "status": BuiltIn("status", "Connect, and show the link's state and counters."),
    "terminal": BuiltIn("terminal", "Type utterances, read the answers."),
    "send-mycroft": BuiltIn("send_mycroft", "Send one bus message, and wait for an answer if asked to."),
    "escalate": BuiltIn("escalate", "Send one bus message up the chain of hubs."),
    "propagate": BuiltIn("propagate", "Send one bus message to the whole hive."),
    "query": BuiltIn("query", "Ask up the chain: the first node that can answer does."),
    "cascade": BuiltIn("cascade", "Ask the whole hive, and show who answers what."),
    "ping": BuiltIn("ping", "Show which nodes of the hive answer, and how far they are."),
    "map": BuiltIn("map", "Draw the hive, as SVG, HTML or JSON."),
    "intercom": BuiltIn("intercom", "Send one bus message that only its recipient can read."),
    "trust": BuiltIn("trust", "Whose end-to-end messages are accepted: add, list, remove."),
    "known-servers": BuiltIn("known_servers", "List the hubs whose keys are pinned."),
    "forget-server": BuiltIn("forget_server", "Forget the pinned key of a hub, or of all of them."),
    "reset-keys": BuiltIn("reset_keys", "Make new RSA keys for this node."),
    "reset-pgp": BuiltIn("reset_keys", "The old name of reset-keys."),
    "run": BuiltIn("run", "Run the satellite that a file describes."),
    "health": BuiltIn("health", "Say whether a satellite that runs here is connected."),
    "plugins": BuiltIn("plugins", "List, show, enable, disable and prefer plugins."),
}


class Client(LazyGroup):
    """Ours and those of plugins. A built-in keeps its name."""

    def rows(self) -> list[tuple[str, str]]:
        others = {name: text for name, text in third_party.listed().items() if name not in self.table}
        return super().rows() + sorted(others.items())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return super().get_command(ctx, name) if name in self.table else third_party.command(name)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if os.environ.get("NO_COLOR"):
            extra.setdefault("color", False)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.exceptions.Exit:
            raise
        except Exception as error:  # noqa: BLE001 - the options before the command
            sys.exit(failures.tell(error, {}))

    def invoke(self, ctx: click.Context) -> None:
        """What commands return is nothing to the caller; what they raise becomes a line and an exit code."""
        code = 0
        try:
            super().invoke(ctx)
        except click.exceptions.Exit as end:
            code = end.exit_code
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001 - nothing ends in a traceback
            code = failures.tell(error, ctx.meta)
        ctx.exit(flushed(code))


@click.group(
    cls=Client,
    table=BUILT_IN,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,
    invoke_without_command=True,
    epilog=failures.EPILOG,
)
@click.option("--app", metavar="NAME", envvar="HIVEMIND_APP", help="Use the identity of this application.")
@click.option("-v", "--verbose", is_flag=True, help="Log what happens to stderr (no payloads, no secrets).")
@click.version_option(__version__, prog_name="hivemind-client")
@click.pass_context
def client(ctx: click.Context, app: str | None, verbose: bool) -> None:
    """Talk to a HiveMind hub."""
    ctx.obj = app
    ctx.meta[failures.VERBOSE] = verbose
    if verbose:
        import logging

        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(failures.BAD_INPUT)


def run() -> int:
    """Run the command that the arguments of this process name. -> the exit code"""
    try:
        return client.main(prog_name="hivemind-client", standalone_mode=False) or 0
    except click.Abort:  # what click makes of a Ctrl-C while the end of a command was told
        return INTERRUPTED
