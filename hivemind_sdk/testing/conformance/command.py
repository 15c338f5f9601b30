"""What a command promises: a click.Command that has its name, says what it is for, and fails in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .contract import Contract, check
from .expect import must, same

if TYPE_CHECKING:
    import click


class CommandContract(Contract):
    """Holds a sub-command of `hivemind-client` to its contract. Override `command`, state its name."""

    name: ClassVar[str] = ""

    def command(self) -> click.Command:
        """What the record's `create` gives."""
        raise NotImplementedError

    @check
    def test_it_is_a_command_of_click_with_its_name(self) -> None:
        import click

        command = self.command()
        must(isinstance(command, click.Command), f"it is a {type(command).__name__}, not a click.Command")
        if self.name:
            same(command.name, self.name, "its name")

    @check
    def test_its_help_says_what_it_is_for(self) -> None:
        from click.testing import CliRunner

        result = CliRunner().invoke(self.command(), ["--help"])
        same(result.exit_code, 0, "the exit code of --help")
        must(self.command().get_short_help_str(), "it has no help: give it a docstring")

    @check
    def test_every_option_says_what_it_is_for(self) -> None:
        import click

        for one in self.command().params:
            must(not isinstance(one, click.Option) or one.help, f"the option {one.name!r} has no help")

    @check
    def test_what_it_does_not_know_is_a_usage_error(self) -> None:
        from click.testing import CliRunner

        result = CliRunner().invoke(self.command(), ["--no-such-option-as-this"])
        same(result.exit_code, 2, "the exit code for an unknown option")
        must("Traceback" not in result.output, "an unknown option ends in a traceback")
