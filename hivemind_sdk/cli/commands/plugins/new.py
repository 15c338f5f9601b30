"""`plugins new`: a plugin of one's own, as a distribution that is complete."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ....plugins.scaffold import KINDS
from ...console import json_line, json_option, line


@click.command("new")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("name")
@click.option(
    "--into",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Where its folder is made.",
)
@click.option(
    "--sdk",
    metavar="PATH_OR_URL",
    help="Where the plugin's tests get the SDK from: a clone, a wheel, a URL. [default: where this SDK came from]",
)
@json_option("Print what was made as JSON.")
def command(kind: str, name: str, into: Path, sdk: str | None, as_json: bool) -> None:
    """Make a plugin of this KIND: a distribution called NAME, complete, that works and passes its tests.

    KIND `satellite` is an application with the file of a satellite, for `hivemind-client run`.

    It is a folder NAME with everything that a published package has. Change what it does, and it is yours. Needs no
    network.
    """
    from ....plugins.scaffold import create, named, plugin_kind, sdk_source

    of_plugin = plugin_kind(kind)
    names = named(name, _taken(of_plugin))
    folder = into / names.distribution
    source = sdk_source(sdk)
    made = create(kind, names, folder, source)
    steps = [
        f"cd {shlex.quote(str(folder))}",
        "python -m pip install --upgrade pip",
        "python -m pip install -e . --group dev",
        "pytest",
    ]
    if as_json:
        plugin = {"name": names.distribution, "module": names.module, "plugin": f"{of_plugin}.{names.plugin}"}
        json_line(
            {"kind": kind, **plugin, "folder": str(folder.resolve()), "sdk": source, "files": made, "next": steps}
        )
        return
    line(f"made {folder}: the {kind} {names.plugin!r}, in {len(made)} files")
    for path in made:
        line(f"  {path}", dim=True)
    line("next:")
    for step in steps:
        line(f"  {step}")


def _taken(kind: str) -> set[str]:
    """What plugins are called that are installed, and what the built-in ones of this kind serve."""
    from ....plugins.loader import load
    from ....plugins.records import names_of
    from ....settings import PluginSettings
    from ...app import BUILT_IN
    from .naming import installed

    origins = installed()
    if kind == "command":
        served = set(BUILT_IN)
    else:
        builtin = PluginSettings(only=frozenset(one.plugin for one in origins if one.builtin))
        registrations = load(builtin, kinds={kind}).registrations
        served = {
            name for registration in registrations for name in (registration.record.name, *names_of(registration))
        }
    return served | {one.names[-1] for one in origins if one.kind in (kind, "")}
