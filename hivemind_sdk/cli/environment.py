"""Settings that nobody reads: `HIVEMIND_*` variables with a typing error, options of plugins that are not installed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..plugins.catalogue import Catalogue
    from ..plugins.records import Registration

PREFIX = "HIVEMIND_"
GENERAL = frozenset(
    f"{PREFIX}{name}"
    for name in (
        *("APP", "HEALTH_FILE", "HOST", "IDENTITY", "KEY", "NAME", "NOISE_KEY", "PASSWORD", "PORT", "SITEID"),
        *("PLUGINS_DISABLED", "PLUGINS_ONLY", "PLUGINS_PREFER", "PRIVATE_KEY", "PUBLIC_KEY"),
    )
)
"""what the SDK reads, the options of plugins aside"""
TOOLS = ("HIVEMIND_INTEROP_", "HIVEMIND_BENCH_", "HIVEMIND_SDK", "HIVEMIND_DROPIN")
"""what the tests of the SDK and of plugins read, and the drop-in for hivemind-bus-client"""


def unread(catalogue: Catalogue, environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """One line for each `HIVEMIND_*` variable and each plugin in the config file that nothing here reads."""
    from ..settings.plugins import config_file, plugin_settings

    environ = os.environ if environ is None else environ
    known = GENERAL | set(_variables(catalogue.registrations))
    known |= {f"{name}_FILE" for name in known}
    strange = [n for n in environ if n.startswith(PREFIX) and n not in known and not n.startswith(TOOLS)]
    configured = set(plugin_settings(environ).options) - {
        name for registration in catalogue.registrations for name in registration.called
    }
    if not strange and not configured:
        return
    unloaded = _unloaded(catalogue)
    for name in sorted(strange):
        if not name.startswith(tuple(map(_prefix, unloaded))):
            yield f"nothing reads the variable {name}{_near(name, known)}"
    for plugin in sorted(configured - unloaded):
        near = _near(plugin, unloaded | {name for one in catalogue.registrations for name in one.called})
        yield f"{config_file(environ)} has options of {plugin!r}, and no such plugin is installed{near}"


def _variables(registrations: Iterable[Registration]) -> Iterator[str]:
    from ..plugins.instances import option_names, option_variable

    for registration in registrations:
        for option in option_names(registration.record.options):
            yield from (option_variable(name, option) for name in registration.called)


def _unloaded(catalogue: Catalogue) -> set[str]:
    """What installed plugins are called that were not imported, so that their options are not known: commands, ..."""
    from .commands.plugins.naming import installed

    imported = {registration.origin.plugin for registration in catalogue.registrations}
    return {name for one in installed() if one.plugin not in imported for name in one.names}


def _prefix(plugin: str) -> str:
    from ..plugins.instances import option_variable

    return option_variable(plugin, "")


def _near(name: str, known: Iterable[str]) -> str:
    words = {one.removeprefix(PREFIX): one for one in sorted(known)}
    found = get_close_matches(name.removeprefix(PREFIX), words, n=1, cutoff=0.7)
    return f"; did you mean {words[found[0]]}?" if found else ""
