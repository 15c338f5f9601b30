"""The plugin objects of one client: made when first asked for, closed with it; and the choice among ciphers."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from ..errors import HiveMindError, InvalidCipher, PluginError
from ..settings import PluginSettings
from .catalogue import Catalogue
from .options import check_names, field_names, resolve

if TYPE_CHECKING:
    from ..contracts import Cipher
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
        mine = field_names(record.options)
        check_names(names[0], arguments, mine)
        for configured in filter(None, map(self._config.get, names)):
            siblings = (one.record.options for one in self.catalogue.registrations if one.origin == origin)
            check_names(names[0], configured, mine.union(*map(field_names, siblings)))
        if record.options is None:
            return ()
        return (resolve(names, record.options, arguments=arguments, environ=self._environ, config=self._config),)


def is_stateless(instance: Any) -> bool:
    """Whether this object can't keep anything, and needs not be closed."""
    kinds = type(instance).__mro__[:-1]
    return all(vars(kind).get("__slots__") == () for kind in kinds) and not hasattr(instance, "close")


class CryptoSuite:
    """contracts.Crypto over a catalogue: for each name the best provider, made when it is first used."""

    __slots__ = (
        "_given",
        "_instances",
        "_names",
    )

    def __init__(
        self, instances: Instances, ciphers: Sequence[str] = (), given: Mapping[str, Cipher] | None = None
    ) -> None:
        """`ciphers`: the wire names to use, in order of preference; empty: all there are, by rank.

        `given`: wire name -> a cipher to use instead of what is installed; it states its own `nonce_size` (bytes) where
        nothing installed does. Raises InvalidCipher for a name that nothing serves.
        """
        self._instances = instances
        self._given = dict(given or {})
        installed = instances.catalogue.ciphers
        ranked = sorted(installed, key=lambda name: (-installed[name][0].rank, name))
        self._names = tuple(dict.fromkeys(ciphers or (*self._given, *ranked)))
        for name in self._names:
            self._check(name)

    @property
    def cipher_names(self) -> tuple[str, ...]:
        """Wire names in order of preference."""
        return self._names

    def cipher(self, name: str) -> Cipher:
        """Raises InvalidCipher."""
        self._check(name)
        if name in self._given:
            return self._given[name]
        cipher: Cipher = self._instances.make(self._instances.catalogue.ciphers[name][0])
        return cipher

    def nonce_size(self, name: str) -> int:
        """Bytes of nonce that the v1/v2 envelope uses with this cipher. Raises InvalidCipher."""
        self._check(name)
        own = getattr(self._given.get(name), "nonce_size", None)
        if isinstance(own, int):
            return own
        return self._instances.catalogue.ciphers[name][0].nonce_size

    def primitive(self, name: str) -> Any:
        """Raises PluginMissing."""
        return self._instances.make(self._instances.catalogue.primitive(name))

    def _check(self, name: str) -> None:
        installed = self._instances.catalogue.ciphers
        if name in installed or hasattr(self._given.get(name), "nonce_size"):
            return
        if name in self._given:
            raise InvalidCipher(f"the cipher given for {name!r} does not state its nonce_size", hint="in bytes")
        there = ", ".join(sorted({*installed, *self._given})) or "none"
        raise InvalidCipher(f"no cipher {name!r} is installed; there is: {there}", hint="use one that is there")
