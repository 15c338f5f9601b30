"""Groups of commands that know the names and help lines of what they hold, and import only what is run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem


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
