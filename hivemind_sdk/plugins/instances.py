"""The plugin objects of one client: made when first asked for, closed with it; and the options they are made with.

Options of a plugin are typed: argument over environment over config file over the default of its own dataclass.

    @dataclass(frozen=True)
    class PigeonOptions:
        loft: Path
        grains: int = 3
        whistle: str = field(default="", repr=False, metadata={"secret": True})

`grains` of the plugin `transport.pigeon` is HIVEMIND_TRANSPORT_PIGEON_GRAINS (or, short, HIVEMIND_PIGEON_GRAINS) in the
environment. A field whose metadata says "secret" never shows its value in an error.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..errors import HiveMindError, OptionError, PluginError
from ..settings import PluginSettings
from .catalogue import Catalogue

if TYPE_CHECKING:
    from ..hooks import PluginRecord

log = logging.getLogger(__name__)


class Instances:
    """One instance of each record for one client.

    An object that can have no state (`__slots__ = ()` in all its classes, no `close`) is one for all clients.

    `lock`: held while one is made; its own thread may take it again. Without, one that two threads ask for at once may
    be made twice: both get the first.
    """

    __slots__ = ("_config", "_environ", "_lock", "_made", "catalogue")

    def __init__(
        self,
        catalogue: Catalogue,
        settings: PluginSettings | None = None,
        environ: Mapping[str, str] | None = None,
        lock: AbstractContextManager[Any] | None = None,
    ) -> None:
        """`settings.options` are those of the config file; `environ` None: the environment of the process."""
        self.catalogue = catalogue
        self._config = (settings or PluginSettings()).options
        self._environ = os.environ if environ is None else environ
        self._made: dict[int | tuple[Any, ...], tuple[PluginRecord, Any]] = {}
        self._lock = lock or nullcontext()

    def make(
        self,
        record: PluginRecord,
        arguments: Mapping[str, Any] | None = None,
        *,
        field: str = "create",
        **context: Any,
    ) -> Any:
        """The instance of this record, created on the first call, with its options and `context` (identities: `app=`).

        `arguments` are options that the program gives; they count on the first call. Raises OptionError for options
        that can't be used, PluginError where the plugin fails to create it.
        """
        # most have neither a field of their own nor a context, and there are many for each satellite
        key: int | tuple[Any, ...] = (
            id(record) if field == "create" and not context else (id(record), field, *sorted(context.items()))
        )
        shared = self.catalogue._shared
        with self._lock:
            found = self._made.get(key) or shared.get(key)
            if found is None:
                # the record is kept with it, so that its id stays its own
                found = record, self._create(record, arguments or {}, context, field)
                found = (shared if is_stateless(found[1]) else self._made).setdefault(key, found)
            return found[1]

    def close(self) -> None:
        """Call `close()` of every instance that has one, last made first. One that fails is logged, no more."""
        with self._lock:
            made, self._made = list(self._made.values()), {}
        for record, instance in reversed(made):
            close = getattr(instance, "close", None)
            if callable(close):
                try:
                    close()
                except Exception as error:
                    log.error("closing the %s %r: %s", record.kind, record.name, type(error).__name__)  # noqa: TRY400
                    log.debug("traceback", exc_info=error)

    def _create(
        self, record: PluginRecord, arguments: Mapping[str, Any], context: Mapping[str, Any], field: str
    ) -> Any:
        options = self._options(record, arguments)
        create: Any = getattr(record, field)
        try:
            instance = create(*options, **context)
        except HiveMindError:
            raise
        except Exception as error:
            raise PluginError(
                f"the {record.kind} {record.name!r} of {self.catalogue.origin(record)} can't be set up: "
                f"{type(error).__name__}"
            ) from error
        if instance is None:
            raise PluginError(f"the {record.kind} {record.name!r} of {self.catalogue.origin(record)} created nothing")
        return instance

    def _options(self, record: PluginRecord, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """What to create with: an instance of the record's options, or nothing where it has none."""
        origin = self.catalogue.origin(record)
        names = origin.names
        mine = option_names(record.options)
        check_option_names(names[0], arguments, mine)
        for configured in filter(None, map(self._config.get, names)):
            siblings = (one.record.options for one in self.catalogue.registrations if one.origin == origin)
            check_option_names(names[0], configured, mine.union(*map(option_names, siblings)))
        if record.options is None:
            return ()
        return (
            resolve_options(names, record.options, arguments=arguments, environ=self._environ, config=self._config),
        )


def is_stateless(instance: Any) -> bool:
    """Whether this object can't keep anything, and needs not be closed."""
    kinds = type(instance).__mro__[:-1]
    return all(vars(kind).get("__slots__") == () for kind in kinds) and not hasattr(instance, "close")


# --- options ---

T = TypeVar("T")
_SHOWN = 60


class _Source(NamedTuple):
    """One value, and where it came from, for people."""

    value: Any
    where: str


@dataclasses.dataclass(frozen=True)
class OptionFacts:
    """One option, for people. `default` as its author wrote it: empty where it is required, and of one that is secret.

    `variables`: the environment variables that set it, the first one counts more.
    """

    name: str
    type: str
    default: str
    required: bool
    secret: bool
    variables: tuple[str, ...]


def option_names(schema: Any) -> frozenset[str]:
    """The options that a schema (or None) has."""
    return frozenset(one.name for one in dataclasses.fields(schema) if one.init) if schema is not None else frozenset()


def option_facts(names: tuple[str, ...], schema: Any) -> tuple[OptionFacts, ...]:
    """The options of a plugin that is called by these names."""
    from .typehints import field_hints, show

    hints, secrets = field_hints(schema), _secrets(schema)
    return tuple(
        OptionFacts(
            one.name,
            show(hints[one.name]),
            "" if one.name in secrets else _default(one),
            _is_required(one),
            one.name in secrets,
            tuple(option_variable(name, one.name) for name in names),
        )
        for one in dataclasses.fields(schema)
        if one.init
    )


def option_variable(plugin: str, option: str) -> str:
    """The environment variable of an option."""
    return re.sub(r"[^A-Z0-9]", "_", f"HIVEMIND_{plugin}_{option}".upper())


def resolve_options(
    names: tuple[str, ...],
    schema: type[T],
    *,
    arguments: Mapping[str, Any],
    environ: Mapping[str, str],
    config: Mapping[str, Mapping[str, Any]],
) -> T:
    """An instance of `schema` for the plugin that is called by these names, the full one first.

    Raises OptionError for a value of the wrong type and for a required option that nobody gave.
    """
    values = {}
    for one in dataclasses.fields(schema):  # type: ignore[arg-type]
        source = _find(names, one.name, arguments, environ, config) if one.init else None
        if source is not None:
            values[one.name] = _read(names[0], schema, one.name, source)
        elif _is_required(one):
            raise _missing(names[0], schema, one.name)
    return _build(names[0], schema, values)


def check_option_names(plugin: str, given: Collection[str], known: Collection[str]) -> None:
    """Raise OptionError for an option that this plugin does not have, with the names that come nearest."""
    for option in given:
        if option not in known:
            from difflib import get_close_matches

            near = get_close_matches(option, known, n=3) or sorted(known)
            hint = f"it has: {', '.join(near)}" if near else "it has no options"
            raise OptionError(f"plugin {plugin} has no option {option!r}; {hint}")


def _find(
    names: tuple[str, ...],
    option: str,
    arguments: Mapping[str, Any],
    environ: Mapping[str, str],
    config: Mapping[str, Mapping[str, Any]],
) -> _Source | None:
    if option in arguments:
        return _Source(arguments[option], "given as an argument")
    for name in names:
        if (key := option_variable(name, option)) in environ:
            return _Source(environ[key], f"from {key}")
    for name in names:
        if option in config.get(name, {}):
            return _Source(config[name][option], "from the config file")
    return None


def _missing(plugin: str, schema: type[Any], option: str) -> OptionError:
    from .typehints import field_hints, show

    return OptionError(
        f"plugin {plugin} needs the option {option!r} ({show(field_hints(schema)[option])})",
        hint=f"set {option_variable(plugin, option)}, or plugins.options.{plugin}.{option} in the config file",
    )


def _read(plugin: str, schema: type[Any], option: str, source: _Source) -> Any:
    from .typehints import field_hints, read, show  # where nothing is given, nothing is read

    hint = field_hints(schema)[option]
    try:
        return read(source.value, hint)
    except (ValueError, TypeError, KeyError):
        pass  # raised below, so that no chained exception holds the value
    value = "" if option in _secrets(schema) else f" {repr(source.value)[:_SHOWN]}"
    given = f"{type(source.value).__name__}{value} ({source.where})"
    raise OptionError(f"plugin {plugin}: option {option!r} takes {show(hint)}, not {given}")


def _build(plugin: str, schema: type[T], values: dict[str, Any]) -> T:
    try:
        return schema(**values)
    except (ValueError, TypeError) as error:  # what its __post_init__ refuses
        text = type(error).__name__ if _secrets(schema) else str(error)
    raise OptionError(f"plugin {plugin}: its options can't be used together: {text}")


def _secrets(schema: type[Any]) -> frozenset[str]:
    return frozenset(one.name for one in dataclasses.fields(schema) if one.metadata.get("secret"))


def _is_required(one: dataclasses.Field[Any]) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING and one.init


def _default(one: dataclasses.Field[Any]) -> str:
    if one.default is not dataclasses.MISSING:
        return repr(one.default)[:_SHOWN]
    return "" if one.default_factory is dataclasses.MISSING else f"{getattr(one.default_factory, '__name__', '?')}()"
