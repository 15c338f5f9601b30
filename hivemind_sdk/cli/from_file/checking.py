"""Names in the file held against what is installed: plugins, their options, applications, programs to run."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import HiveMindError, OptionError, SettingsError
from ...messages.encodings import ENCODINGS
from ...plugins.instances import resolve_options
from ...plugins.loader import load, shared
from ...plugins.typehints import field_hints, read
from ...settings import AUTO, Endpoint, PluginSettings, TLSSettings
from .document import Place
from .placeholders import faults
from .program import CommandTable, IdentityTable
from .reading import Reader
from .schema import ROOT, Key, Table
from .taking import near

if TYPE_CHECKING:
    from ...plugins.catalogue import Catalogue


def check_names(reader: Reader, values: Mapping[str, Any], identity: IdentityTable, plugins: PluginSettings) -> None:
    """Note each name that nothing installed has."""
    try:
        catalogue = shared(plugins)
    except HiveMindError as error:
        return reader.wrong(("plugins",), str(error), error.hint)
    known: Mapping[str, Collection[str]] = {
        "handlers": {one.name for one in catalogue.handlers},
        "observers": {one.name for one in catalogue.observers},
        "handshakes": {one.name for one in catalogue.handshakes},
        "ciphers": catalogue.ciphers.keys(),
        "encodings": ENCODINGS.keys(),
        "transport": {one.name for one in catalogue.transports.values()},
    }
    for key, names in known.items():
        _check(reader, (key,), values.get(key) or (), names)
    _check(reader, ("identity", "backends"), identity.backends, catalogue.identities.keys())
    if identity.path is not None and "file" not in identity.backends:
        reader.wrong(("identity", "path"), "is for the backend file, which is not used", 'write backends = ["file"]')
    _check_options(reader, values.get("plugins", {}).get("options", {}), catalogue)
    hubs: list[tuple[Place, Mapping[str, Any]]] = [(("hub",), values.get("hub", {}))]
    hubs += [(("fallbacks", at), one) for at, one in enumerate(values.get("fallbacks", ()))]
    for place, hub in hubs:
        if not values.get("transport"):
            _check_scheme(reader, hub.get("host"), (*place, "host"), catalogue)
        _check_ca(reader, hub.get("tls", {}).get("ca"), (*place, "tls", "ca"))
    return None


def check_applications(reader: Reader, names: Iterable[str], plugins: PluginSettings) -> dict[str, Mapping[str, Any]]:
    """-> the options of each application that has a table"""
    names = sorted(names)
    if not names:
        return {}
    catalogue = load(plugins, kinds={"application"})
    found: dict[str, Mapping[str, Any]] = {}
    for name in names:
        record = catalogue.applications.get(name)
        if record is None:
            _refuse_table(reader, name, catalogue)
            continue
        origin = catalogue.origin(record)
        before = len(reader.problems)
        values = reader.table(_table_of(record.options), reader.document.values[name], (name,))
        if any(not one.warning for one in reader.problems[before:]):
            continue
        try:
            if record.options is not None:
                resolve_options(
                    origin.names, record.options, arguments=values, environ=reader.environ, config=plugins.options
                )
        except OptionError as error:
            reader.wrong((name,), str(error), error.hint or f"see `hivemind-client plugins show {origin.plugin}`")
            continue
        found[name] = values
    return found


def check_commands(reader: Reader, tables: Iterable[Mapping[str, Any]]) -> Iterator[CommandTable]:
    """Those that can be run."""
    for number, table in enumerate(tables):
        place: Place = ("commands", number)
        if not {"on", "run"} <= table.keys():
            continue
        command = CommandTable(**table)
        for key in ("at_once", "timeout"):
            if not getattr(command, key) > 0:
                reader.wrong((*place, key), "is 0, so nothing could run", f"write {key} = 1")
        if not command.run:
            reader.wrong((*place, "run"), "is empty", 'write run = ["PROGRAM", "ARGUMENT"]')
            continue
        found = list(faults(command.run))
        for fault in found:
            reader.wrong((*place, "run"), fault.text, fault.remedy, warning=fault.warning)
        if all(fault.warning for fault in found) and shutil.which(command.run[0]) is None:
            text = f"names the program {command.run[0]!r}, which is not there"
            reader.wrong((*place, "run"), text, "install it, or write its whole path", warning=True)
        yield command


def _check(reader: Reader, place: Place, names: str | Collection[str], known: Collection[str]) -> None:
    for name in (names,) if isinstance(names, str) else names:
        if name not in known:
            reader.wrong(place, f"names {name[:60]!r}, which is not installed", near(name, known))


def _check_scheme(reader: Reader, host: str | None, place: Place, catalogue: Catalogue) -> None:
    try:
        scheme = Endpoint.parse(host).scheme if host else AUTO
    except HiveMindError:
        return  # told by who makes the settings
    if not host or scheme in catalogue.resolvers or scheme in catalogue.transports:
        return
    try:
        catalogue.transport(scheme) if scheme != AUTO else catalogue.resolver(scheme)
    except HiveMindError as error:
        reader.wrong(place, str(error), f"schemes that are served: {', '.join(sorted(catalogue.transports))}")


def _check_ca(reader: Reader, ca: str | None, place: Place) -> None:
    if not ca:
        return
    from ...sockets import tls_context

    try:
        tls_context(TLSSettings(ca=ca))
    except SettingsError as error:
        reader.wrong(place, str(error), error.hint)


def _check_options(reader: Reader, options: Mapping[str, Any], catalogue: Catalogue) -> None:
    from ..commands.plugins.naming import installed

    for plugin, given in options.items():
        place: Place = ("plugins", "options", plugin)
        if not isinstance(given, Mapping):
            reader.wrong(place, "is no table", f"write [plugins.options.{plugin}], and its options below")
            continue
        mine = [one for one in catalogue.registrations if plugin in one.origin.names]
        if not mine:
            names = {name for one in installed() for name in one.names}
            if plugin not in names:
                reader.wrong(place, "is no plugin that is installed", near(plugin, names))
            continue
        for one in mine:
            if one.record.options is not None:
                keys = _table_of(one.record.options)
                reader.table(keys, given, place)


def _table_of(schema: type[Any] | None) -> Table:
    if schema is None:
        return Table()
    hints, own = field_hints(schema), [one for one in dataclasses.fields(schema) if one.init]
    keys = {
        one.name: Key(
            hints[one.name],
            None if one.default in (dataclasses.MISSING, "") else one.default,
            secret=bool(one.metadata.get("secret")),
            path=hints[one.name] in (Path, Path | None),
        )
        for one in own
    }
    required = any(one.default is one.default_factory is dataclasses.MISSING for one in own)
    told_alone = not required and not any(key.secret for key in keys.values())
    return Table(keys, builds=partial(_built, schema) if told_alone else None)


def _built(schema: type[Any], **values: Any) -> Any:
    """Raises SettingsError for what the plugin itself refuses."""
    hints = field_hints(schema)
    try:
        return schema(**{name: read(value, hints[name]) for name, value in values.items()})
    except SettingsError:
        raise
    except (ValueError, TypeError) as error:
        raise SettingsError(str(error), hint="correct it") from None


def _refuse_table(reader: Reader, name: str, catalogue: Catalogue) -> None:
    known = {*ROOT.tables, *ROOT.names, *catalogue.applications}
    reports = [one for one in catalogue.reports if name in (one.name, one.name.partition(".")[2])]
    reasons = "".join(f"; the plugin {one.name} is {one.state} ({one.reason})" for one in reports)
    reader.wrong((name,), f"is no table of a satellite, and no application is called so{reasons}", near(name, known))
