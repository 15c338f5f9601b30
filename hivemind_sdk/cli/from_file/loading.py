"""From the path of the file to a Program, or to the problems that keep it from being one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..._startup import replace
from ...errors import HiveMindError
from ...identity.credentials import resolve
from ...settings import (
    Backoff,
    Callbacks,
    Credentials,
    Deadlines,
    Endpoint,
    Failover,
    Limits,
    PluginSettings,
    Settings,
    TLSSettings,
    Upstream,
    user_input,
)
from ...settings.plugins import DISABLED, ONLY, PREFER, identity_names, plugin_settings
from . import checking, policies
from .document import Place, load
from .program import IdentityTable, Program
from .reading import Problem, Reader
from .schema import FROM_VARIABLE, LEVELS, ROOT, SETTINGS
from .taking import near

if TYPE_CHECKING:
    from ...client.node_identity import NodeIdentity

T = TypeVar("T")
_PARTS: Mapping[str, Callable[..., Any]] = {
    "deadlines": Deadlines,
    "limits": Limits,
    "backoff": Backoff,
    "callbacks": Callbacks,
    "failover": Failover,
}
"""tables that are fields of Settings as they are"""


@dataclass(frozen=True)
class Loaded:
    """`program`: None where a problem is an error. `problems`: in the order of the lines."""

    program: Program | None
    problems: list[Problem]


def load_program(path: Path, app: str | None = None) -> Loaded:
    """`app`: whose identity, where the file does not say. Raises SettingsError for what is no TOML file."""
    reader = Reader(load(path.absolute()))
    program = _Loading(reader, app).program()
    problems = sorted(set(reader.problems))
    return Loaded(None if any(not one.warning for one in problems) else program, problems)


class _Loading:
    """One document on its way to a Program. What fails is noted, and stands as its default for what comes after it."""

    def __init__(self, reader: Reader, app: str | None) -> None:
        self._reader = reader
        self._app = app
        raw = reader.document.values
        self._strangers = frozenset(name for name in raw if isinstance(raw[name], Mapping)).difference(ROOT.tables)
        self._values = reader.table(ROOT, raw, (), self._strangers)
        some = partial(Settings, Endpoint("ws", "hub"), Credentials("key"))
        self._settings = reader.judged(
            some, {name: self._values[name] for name in (*SETTINGS, "headers") if name in self._values}, ()
        )

    def program(self) -> Program | None:
        values, reader = self._values, self._reader
        plugins = self._plugins()
        identity = IdentityTable(**{"backends": identity_names(), "app": self._app, **values.get("identity", {})})
        checking.check_names(reader, values, identity, plugins)
        node = None if reader.refuses("identity") else self._try(("identity",), lambda: identity.open(plugins))
        hub = None if node is None else self._hub(node)
        delivery = policies.read(reader, values.get("delivery", {}))
        if "durable" not in values:
            policies.check_without_file(reader, values.get("delivery", {}))
        applications = checking.check_applications(reader, self._strangers, plugins)
        fallbacks = [self._fallback(one, number) for number, one in enumerate(values.get("fallbacks", ()))]
        commands = tuple(checking.check_commands(reader, values.get("commands", ())))
        if (level := values.get("log_level", "info")) not in LEVELS:
            reader.wrong(("log_level",), f"is {level!r}", near(level, LEVELS))
        if hub is None:
            return None
        settings = self._try(
            (),
            lambda: Settings(
                endpoint=hub[0],
                credentials=hub[1],
                tls=TLSSettings(**values.get("hub", {}).get("tls", {})),
                **self._settings,
                **{name: build(**values[name]) for name, build in _PARTS.items() if name in values},
                identity=identity.backends,
                app=identity.app,
                delivery=delivery,
                fallbacks=tuple(one for one in fallbacks if one is not None),
                plugins=plugins,
            ),
        )
        if settings is None:
            return None
        return Program(
            reader.document.path,
            settings,
            identity,
            values.get("observers"),
            commands,
            applications,
            frozenset(_variables(reader.document.values)),
            level,
            values.get("drain", 5.0),
        )

    def _plugins(self) -> PluginSettings:
        """The config file, the file over it, and the environment over both."""
        given = self._values.get("plugins", {})
        found = self._try(("plugins",), plugin_settings) or PluginSettings()
        changes: dict[str, Any] = {
            name: given[name]
            for name, variable in (("only", ONLY), ("disabled", DISABLED))
            if name in given and variable not in os.environ
        }
        if "prefer" in given:
            over = found.prefer if PREFER in os.environ else {}
            changes["prefer"] = {**found.prefer, **given["prefer"], **over}
        options = {name: one for name, one in given.get("options", {}).items() if isinstance(one, Mapping)}
        merged = {name: {**found.options.get(name, {}), **one} for name, one in options.items()}
        return replace(found, **changes, options={**found.options, **merged})

    def _hub(self, identity: NodeIdentity) -> tuple[Endpoint, Credentials] | None:
        place, hub = ("hub",), self._values.get("hub", {})
        if self._reader.refuses("hub"):
            return None
        port = self._port(hub, place)
        if "host" in hub and self._endpoint(hub, port, (*place, "host")) is None:
            return None
        return self._try(
            place,
            lambda: resolve(
                identity,
                key=hub.get("key"),
                password=hub.get("password"),
                host=hub.get("host"),
                port=port,
                preshared_key=hub.get("preshared_key"),
                provisioned_key=hub.get("provisioned_key"),
            ),
            "write host, and key_file and password_file; or run `hivemind-client set-identity`",
        )

    def _fallback(self, hub: Mapping[str, Any], number: int) -> Upstream | None:
        place: Place = ("fallbacks", number)
        if "host" not in hub:
            if "host" not in self._reader.document.values["fallbacks"][number]:
                self._reader.wrong(place, "has no host", 'add host = "ws://other.local"')
            return None
        if (endpoint := self._endpoint(hub, self._port(hub, place), (*place, "host"))) is None:
            return None
        proofs = {name: hub[name] for name in ("password", "preshared_key", "provisioned_key") if name in hub}
        if proofs and "key" not in hub:
            self._reader.wrong(place, "has a secret and no key", "add key_file, or leave both out")
        credentials = self._try(place, lambda: Credentials(hub["key"], **proofs)) if "key" in hub else None
        return Upstream(endpoint, credentials, TLSSettings(**hub["tls"]) if "tls" in hub else None)

    def _port(self, hub: Mapping[str, Any], place: Place) -> int | None:
        return self._try((*place, "port"), lambda: user_input.port(hub.get("port"), "port"))

    def _endpoint(self, hub: Mapping[str, Any], port: int | None, place: Place) -> Endpoint | None:
        return self._try(place, lambda: Endpoint.parse(hub["host"], port))

    def _try(self, place: Place, make: Callable[[], T], remedy: str = "") -> T | None:
        try:
            return make()
        except HiveMindError as error:
            text = str(error)
            self._reader.wrong(place, text, remedy or error.hint or "correct it")
            return None


def _variables(raw: Any) -> list[str]:
    """The variables that NAME_env keys name."""
    if isinstance(raw, list):
        return [name for one in raw for name in _variables(one)]
    if not isinstance(raw, Mapping):
        return []
    own = [value for name, value in raw.items() if name.endswith(FROM_VARIABLE) and isinstance(value, str)]
    return own + [name for one in raw.values() for name in _variables(one)]
