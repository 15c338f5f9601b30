"""What one file says, as values: the settings of the satellite, the commands, the tables of applications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...settings import PluginSettings, Settings

if TYPE_CHECKING:
    from ...client.node_identity import NodeIdentity


@dataclass(frozen=True)
class CommandTable:
    """One [[commands]]. `timeout`: seconds. `stdin`: whether the data of the message is given there, as JSON."""

    on: str
    run: tuple[str, ...]
    stdin: bool = False
    at_once: int = 1
    waiting: int = 10
    timeout: float = 30.0


@dataclass(frozen=True)
class IdentityTable:
    """[identity]: the backends by name, whose identity, and the path of the file."""

    backends: tuple[str, ...] = ("file",)
    app: str | None = None
    path: str | None = None

    def open(self, plugins: PluginSettings) -> NodeIdentity:
        """Raises PluginMissing, IdentityError."""
        from ...client.node_identity import NodeIdentity
        from ...plugins.loader import load_identities

        given = {"path": self.path} if self.path is not None else {}
        return NodeIdentity(backend=load_identities(self.backends, plugins, app=self.app, file=given))


@dataclass(frozen=True)
class Program:
    """All that the file says."""

    path: Path
    settings: Settings
    identity: IdentityTable = IdentityTable()
    observers: tuple[str, ...] | None = None
    """the names of those that are used; None: all that are installed"""
    commands: tuple[CommandTable, ...] = ()
    applications: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """name of the table -> options, secrets among them"""
    secret_variables: frozenset[str] = frozenset()
    """environment variables that the file takes secrets from"""
    log_level: str = "info"
    drain: float = 5.0
    """seconds"""

    @property
    def plugins(self) -> PluginSettings:
        """As in the file, the config file and the environment."""
        return self.settings.plugins or PluginSettings()
