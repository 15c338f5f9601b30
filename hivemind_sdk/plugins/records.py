"""Plugins as the loader sees them: where each comes from, the records it registers, its state."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from .._dataclass import dataclass, fields
from .distributions import canonical
from .options import schema_fault
from .typehints import field_fault

if TYPE_CHECKING:
    from ..hooks import PluginRecord

KINDS = (
    *("transport", "cipher", "primitive", "handshake", "handler", "identity", "observer", "resolver"),
    *("application", "command"),
)
"""what a record can be, and the prefixes that the name of an entry point may have"""
LINK_KINDS = frozenset(KINDS) - {"application", "command"}
"""what a satellite is made of; the others use one"""


class PluginState(str, Enum):
    """State of a plugin, or of one of its records."""

    FOUND = "found"
    """it may load, and nobody has tried yet"""
    ACTIVE = "active"
    DISABLED = "disabled"
    """the user's settings keep it out; it was not imported"""
    SHADOWED = "shadowed"
    """another plugin is used for its name, because it is built in or preferred"""
    CONFLICT = "conflict"
    """another plugin provides its name with equal rank; none of them is used"""
    INCOMPATIBLE = "incompatible"
    """written for another version of the contract"""
    BROKEN = "broken"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class PluginReport:
    """State of one plugin. A plugin whose records differ in state has a report for each.

    `name`: of its entry point; `value`: the module there. `provider`: the distribution. `kinds`: as far as known.
    `records`: `kind:name` of what this report is about. `import_seconds`: 0 if it was not imported.
    """

    name: str
    kinds: tuple[str, ...]
    provider: str
    version: str
    value: str
    state: PluginState
    reason: str = ""
    records: tuple[str, ...] = ()
    builtin: bool = False
    import_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plugin comes from: entry point `plugin` = `value` of a distribution `provider`.

    `import_seconds` as in its report, once it is imported.
    """

    plugin: str
    value: str = ""
    provider: str = "this program"
    version: str = ""
    builtin: bool = False
    import_seconds: float = 0.0

    @property
    def kind(self) -> str:
        """The only kind that it provides, by the prefix of its name; empty where the name has none."""
        prefix, dot, rest = self.plugin.partition(".")
        return prefix if dot and rest and prefix in KINDS else ""

    @property
    def names(self) -> tuple[str, ...]:
        """What users may call the plugin: its name, and its name without the kind."""
        return (self.plugin, self.plugin.partition(".")[2]) if self.kind else (self.plugin,)

    @property
    def contested(self) -> tuple[str, str]:
        """Kind and name by which another plugin may be called as well; the kind is `plugin` if its name has none."""
        return self.kind or "plugin", self.names[-1]

    @property
    def called(self) -> tuple[str, ...]:
        """All names by which a user may single it out."""
        return (*self.names, self.provider)

    def answers_to(self, name: str) -> bool:
        """Whether a user who says `name` means this plugin, or its distribution."""
        return name in self.names or canonical(name) == canonical(self.provider)

    def report(self, state: PluginState, reason: str = "", records: tuple[str, ...] = ()) -> PluginReport:
        """A report on this plugin, or on these `records` of it."""
        kinds = dict.fromkeys(label.partition(":")[0] for label in records) or filter(None, [self.kind])
        return PluginReport(
            self.plugin,
            tuple(kinds),
            self.provider,
            self.version,
            self.value,
            state,
            reason,
            records,
            self.builtin,
            self.import_seconds,
        )

    def __str__(self) -> str:
        version = f" {self.version}" if self.version else ""
        return f"{self.provider}{version} (plugin {self.plugin})"


@dataclass(frozen=True, slots=True)
class Registration:
    """A record, and the plugin that it came from."""

    record: PluginRecord
    origin: Origin

    @property
    def builtin(self) -> bool:
        return self.origin.builtin

    @property
    def called(self) -> tuple[str, ...]:
        return (self.record.name, *self.origin.called)

    def answers_to(self, name: str) -> bool:
        """Whether a user who says `name` means this record, its plugin, or its distribution."""
        return name == self.record.name or self.origin.answers_to(name)

    @property
    def label(self) -> str:
        """`kind:name`, as in reports."""
        return f"{self.record.kind}:{self.record.name}"


def record_fault(record: Any) -> str:
    """What is wrong with what a plugin calls a record; empty where nothing is."""
    kind = getattr(type(record), "kind", None)
    if kind not in KINDS:
        return f"{type(record).__name__} is no record of a plugin"
    from .. import contracts  # what the fields of records name

    fault = field_fault(record, vars(contracts)) or (record.options is not None and schema_fault(record.options)) or ""
    if not fault:
        empty = [one.name for one in fields(record) if getattr(record, one.name) == () or not record.name]
        fault = f"{empty[0]} is empty" if empty else ""
    return f"the {kind} {record.name!r}: {fault}" if fault else ""


def described(error: BaseException) -> str:
    """The exception in one line of bounded length."""
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
