"""Every table and key of the file. Most are fields of Settings: their names, types and defaults are read from there."""

from __future__ import annotations

import collections.abc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

from ..._startup import fields
from ...plugins.typehints import field_hints, show
from ...settings import (
    Backoff,
    Callbacks,
    Deadlines,
    Failover,
    Limits,
    PluginSettings,
    Settings,
    TLSSettings,
)

REQUIRED: Any = object()
AUTO = "auto"
"""how TOML says None where True and False mean something else"""
FROM_FILE, FROM_VARIABLE = "_file", "_env"
"""what is put behind the name of a secret key, to give its value elsewhere"""


@dataclass(frozen=True)
class Key:
    """`hint`: the type of the value. `example`: as TOML.

    `secret`: never shown, and better given as NAME_file or NAME_env. `path`: of a file; relative to the folder that the
    satellite's file is in.
    """

    hint: Any
    default: Any = None
    example: str = ""
    secret: bool = False
    path: bool = False


@dataclass(frozen=True)
class Table:
    """`builds`: what is made of the values, so that it can judge them.

    `free`: any key is taken, and its value is held against this. `repeated`: written as [[NAME]], any number of times.
    """

    keys: Mapping[str, Key] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    builds: Callable[..., Any] | None = None
    free: Key | None = None
    repeated: bool = False

    @property
    def names(self) -> dict[str, Key]:
        """All that can be written in it, `NAME_file` and `NAME_env` of secrets too."""
        elsewhere = {
            name + suffix: Key(str, path=suffix == FROM_FILE)
            for name, key in self.keys.items()
            if key.secret
            for suffix in (FROM_FILE, FROM_VARIABLE)
        }
        return {**self.keys, **elsewhere}


def of_fields(schema: type[Any], *names: str, **special: Key) -> dict[str, Key]:
    """Keys for these fields of a dataclass (none: all), with their types and defaults."""
    defaults = {one.name: _default(one) for one in fields(schema)}
    hints = field_hints(schema)
    return {name: special.get(name) or Key(hints[name], defaults[name]) for name in names or hints}


def _default(one: Any) -> Any:
    factory = getattr(one, "default_factory", None)
    return factory() if callable(factory) else one.default


def _plain(schema: type[Any], **special: Key) -> Table:
    return Table(of_fields(schema, **special), builds=schema)


_SECRETS = {
    "key": Key(str, secret=True),
    "password": Key(str, secret=True),
    "provisioned_key": Key(str, secret=True),
    "preshared_key": Key(str, secret=True),
}
_HUB = {"host": Key(str, example='"ws://hub.local"'), "port": Key(int, example="5678"), **_SECRETS}
_TLS = _plain(TLSSettings, ca=Key(str | None, path=True))

SETTINGS = (
    *("site_id", "session_id", "useragent", "transport", "ciphers", "encodings", "handshakes", "handlers"),
    *("min_protocol", "max_protocol", "binarize", "compress", "durable", "proxy", "reconnect", "retry_refused"),
)
"""fields of Settings that are keys at the top of the file"""
LEVELS = ("debug", "info", "warning", "error")

ROOT = Table(
    {
        **of_fields(Settings, *SETTINGS, durable=Key(str | None, path=True), proxy=Key(str | None, secret=True)),
        "observers": Key(tuple[str, ...] | None, None),
        "log_level": Key(str, "info"),
        "drain": Key(float, 5.0),
    },
    {
        "hub": Table(_HUB, {"tls": _TLS}),
        "fallbacks": Table(_HUB, {"tls": _TLS}, repeated=True),
        "identity": Table(
            {
                "backends": Key(tuple[str, ...], ("file",)),
                "app": Key(str | None),
                "path": Key(str | None, path=True),
            }
        ),
        "headers": Table(free=Key(str, example='"..."', secret=True)),
        "deadlines": _plain(Deadlines),
        "limits": _plain(Limits),
        "backoff": _plain(Backoff),
        "callbacks": _plain(Callbacks),
        "failover": _plain(Failover),
        "delivery": Table(free=Key(Any, example='{ policy = "queue", ttl = 60 }')),
        "plugins": Table(
            of_fields(PluginSettings, "only", "disabled"),
            {"prefer": Table(free=Key(tuple[str, ...], example='["NAME"]')), "options": Table(free=Key(Any))},
        ),
        "commands": Table(
            {
                "on": Key(str, REQUIRED, example='"speak"'),
                "run": Key(tuple[str, ...], REQUIRED, example='["espeak-ng", "--", "{utterance}"]'),
                "stdin": Key(bool, False),
                "at_once": Key(int, 1),
                "waiting": Key(int, 10),
                "timeout": Key(float, 30.0),
            },
            repeated=True,
        ),
    },
)
"""what is not here is the table of an application"""

POLICY = {
    "policy": Key(str, REQUIRED, example='"queue"'),
    "ttl": Key(float, REQUIRED, example="60"),
    "durable": Key(bool, False),
    "key": Key(str, ""),
}
"""what stands in a policy of [delivery]; `durable` is of `queue`, `key` of `latest`"""


def rows(table: Table = ROOT, name: str = "") -> Iterator[tuple[str, str, str]]:
    """(key with its tables, type, default) of each key, for people."""
    for key, one in table.keys.items():
        secret = f", {key}{FROM_FILE}, {key}{FROM_VARIABLE}" if one.secret else ""
        yield f"{name}{key}{secret}", shown(one.hint), _shown_default(one)
    if table.free is not None:
        yield f"{name}NAME", shown(table.free.hint), ""
    for inner, one_table in table.tables.items():
        yield from rows(one_table, f"{name}{inner}{'[]' if one_table.repeated else ''}.")


_WORDS: Mapping[Any, str] = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}


def shown(hint: Any) -> str:
    """A type in words."""
    if hint is Any:
        return "see below"
    if type(None) in get_args(hint):
        inner = next(one for one in get_args(hint) if one is not type(None))
        return f'{shown(inner)} or "{AUTO}"' if inner is bool else shown(inner)
    if get_origin(hint) is collections.abc.Mapping:
        return "table"
    if get_args(hint):
        return f"list of {shown(get_args(hint)[0])}s"
    return _WORDS.get(hint) or show(hint)


def written(value: Any) -> str:
    """A value as TOML has it; empty for None."""
    if value is None or value is REQUIRED:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list, frozenset)):
        return f"[{', '.join(map(written, sorted(value) if isinstance(value, frozenset) else value))}]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shown_default(key: Key) -> str:
    if key.default is None and bool in get_args(key.hint):
        return written(AUTO)
    return "required" if key.default is REQUIRED else written(key.default)


ELSEWHERE = frozenset(
    {"endpoint", "credentials", "fallbacks", "tls", "identity", "app", "headers", "delivery", "plugins"}
)
"""fields of Settings that have tables with keys of their own"""
