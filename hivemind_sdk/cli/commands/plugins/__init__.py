"""`plugins`: what is installed, what became of it, and which of it is used."""

from __future__ import annotations

import click

from ...app import BuiltIn, LazyGroup

TABLE = {
    "list": BuiltIn("plugins.listing", "Every plugin that was found, its state, and why."),
    "show": BuiltIn("plugins.show", "What one plugin provides, and its options."),
    "check": BuiltIn("plugins.check", "Hold a plugin to the contracts of what it provides."),
    "hooks": BuiltIn("plugins.hooks", "What a plugin can provide, and how it says so."),
    "enable": BuiltIn("plugins.enable", "Let a plugin load again."),
    "disable": BuiltIn("plugins.disable", "Keep a plugin out; it is not even imported."),
    "prefer": BuiltIn("plugins.prefer", "Say who goes first where several provide one name."),
    "new": BuiltIn("plugins.new", "Make a plugin of your own, complete and working."),
}


class _ListedByDefault(LazyGroup):
    """Without a command, `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("plugins", cls=_ListedByDefault, table=TABLE)
def command() -> None:
    """Plugins: what is installed, what became of it, and which of it is used.

    Without a command, `list`.
    """
