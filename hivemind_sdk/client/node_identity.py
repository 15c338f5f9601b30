"""NodeIdentity: the identity under the reference client's names (wire.md section 13.9, wire-v3.md section 11).

Setting a property changes memory, and counts at once; `save` stores it. Pins and new keys are stored at once. Nothing
here is changed by credentials that are passed to a client.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import IdentityError, SettingsError
from ..identity.state import DEFAULT_NAME, NOISE_KEY, NOISE_PSKS, PRIVATE_PEM, Identity, KeyFiles

if TYPE_CHECKING:
    from ..contracts import RSA, IdentityBackend


class HasPath(Protocol):
    """Such as the storage objects of `json_database`, which the reference client takes."""

    path: str


class IdentityFields(dict[str, Any]):
    """`IDENTITY_FILE`: the fields in memory, with the path and the verbs of a storage object."""

    def __init__(self, path: str, store: Callable[[], None], reload: Callable[[], None]) -> None:
        super().__init__()
        self.path = path
        self.store = store
        self.reload = reload

    def __repr__(self) -> str:
        return f"IdentityFields({self.path!r}, {sorted(self)})"


class NodeIdentity:
    """Who this node is, and what it remembers. Any thread.

    `identity_file`: a path, or an object with a `path` (if it is a mapping too, it holds the fields from now on); None:
    where HIVEMIND_IDENTITY says (`env,file`), or where the reference client has it. `app_name`: an identity of this
    application's own; while there is none the shared one is used, with a warning, unless `shared_fallback` is False.
    `backend`: where else it lives; of several, the first that has a field wins.

    Raises IdentityFileCorrupted for a file that can't be parsed (it stays as it is), IdentityError for one that can't
    be read, SettingsError for arguments that can't be used.
    """

    def __init__(
        self,
        identity_file: str | os.PathLike[str] | HasPath | None = None,
        app_name: str | None = None,
        shared_fallback: bool = True,
        *,
        backend: IdentityBackend | Sequence[IdentityBackend] | None = None,
    ) -> None:
        if sum(given is not None for given in (identity_file, app_name, backend)) > 1:
            raise SettingsError("several of identity_file, app_name and backend were given", hint="give one of them")
        if backend is None:
            backend = _backends(_path(identity_file), app_name, shared_fallback)
        backends = tuple(backend) if isinstance(backend, Sequence) else (backend,)
        path = next((one.path for one in backends if isinstance(one, KeyFiles)), backends[0].location)
        own = IdentityFields(path, self.save, self.reload)
        shared = _mapping(identity_file)
        self._identity = Identity(backends, own if shared is None else shared)
        self.app_name = app_name
        self.IDENTITY_FILE: Any = self._identity.memory

    @property
    def state(self) -> Identity:
        """The same as a value: what a Satellite takes as `identity`."""
        return self._identity

    @property
    def uses_shared_fallback(self) -> bool:
        """This application has no identity of its own yet and uses the shared one."""
        files = self._identity.files()
        return files is not None and files.uses_shared_fallback

    # --- who we are ---

    @property
    def name(self) -> str:
        """A label for people, not unique; `unnamed-node` if none was set."""
        return self._text("name") or DEFAULT_NAME

    @name.setter
    def name(self, value: str | None) -> None:
        files = self._identity.files()
        if files is not None:  # keys that were found by the old name are still ours: hubs have pinned them
            for field, place in files.named(self._identity.memory).items():
                self._identity.put(field, place)
        self._identity.put("name", value)

    @property
    def site_id(self) -> str | None:
        return self._text("site_id")

    @site_id.setter
    def site_id(self, value: str | None) -> None:
        self._identity.put("site_id", value)

    @property
    def lang(self) -> str | None:
        """The language of what is asked without saying one, such as `de-de`."""
        return self._text("lang")

    @lang.setter
    def lang(self, value: str | None) -> None:
        self._identity.put("lang", value)

    # --- where the hub is, and what it knows us by ---

    @property
    def access_key(self) -> str | None:
        return self._text("access_key")

    @access_key.setter
    def access_key(self, value: str | None) -> None:
        self._identity.put("access_key", value)

    @property
    def password(self) -> str | None:
        return self._text("password")

    @password.setter
    def password(self, value: str | None) -> None:
        self._identity.put("password", value)

    @property
    def provisioned_key(self) -> str | None:
        """What `hivemind-core derive-psk` printed for this node, in the place of a password: 64 hex digits."""
        return self._text("provisioned_key")

    @provisioned_key.setter
    def provisioned_key(self, value: str | None) -> None:
        self._identity.put("provisioned_key", value)

    @property
    def default_master(self) -> str | None:
        """The hub's address, with or without a scheme."""
        return self._text("default_master")

    @default_master.setter
    def default_master(self, value: str | None) -> None:
        self._identity.put("default_master", value)

    @property
    def default_port(self) -> int | None:
        value = self._identity.read("default_port")
        if isinstance(value, str) and value.strip().isdecimal():  # edited by hand
            value = int(value)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self._wrong("default_port", value, "a number")
        return value or None

    @default_port.setter
    def default_port(self, value: int | None) -> None:
        self._identity.put("default_port", value)

    # --- our keys ---

    @property
    def public_key(self) -> str | None:
        """PEM, byte for byte as it is announced."""
        return self._text("public_key")

    @public_key.setter
    def public_key(self, value: str | None) -> None:
        self._identity.put("public_key", value)

    @property
    def private_key(self) -> str | None:
        """The path of the RSA private key, whether a file is there or not. None where no file keeps it."""
        return self._key_path(PRIVATE_PEM, "secret_key")

    @private_key.setter
    def private_key(self, value: str | None) -> None:
        self._identity.put("secret_key", value)

    @property
    def private_pem(self) -> str | None:
        """The RSA private key itself, PEM. None where there is none."""
        return self._identity.read_secret(PRIVATE_PEM)

    @property
    def noise_key(self) -> str | None:
        """The path of the static X25519 key (64 hexadecimal digits). None where no file keeps it."""
        return self._key_path(NOISE_KEY, "noise_key")

    @noise_key.setter
    def noise_key(self, value: str | None) -> None:
        self._identity.put("noise_key", value)

    def create_keys(self, rsa: RSA | None = None, *, missing: bool = False) -> bool:
        """A new RSA-2048 pair, stored at once: the fields name the new private key and hold its public key in one step.

        Until then the old pair stays whole. Other unsaved changes stay unsaved. `rsa`: None for the installed one.
        `missing`: only where there is no pair yet; another program that makes one at the same moment is waited for.
        -> whether a pair was made. Raises PluginMissing, IdentityReadOnly, IdentityError.
        """
        if rsa is None:
            from ..plugins.installed import installed_rsa

            rsa = installed_rsa()
        pair = rsa.generate()  # slow: not while others wait
        with self._identity.exclusive():
            if missing and self.public_key and self.private_pem:
                return False
            self._identity.write_secret(PRIVATE_PEM, pair.private, {"public_key": pair.public})
            return True

    # --- whom we trust ---

    @property
    def trusted_keys(self) -> dict[str, str]:
        """The PEM for each alias. A copy: assign it, or use `add_trusted_key`."""
        return self._map("trusted_keys")

    @trusted_keys.setter
    def trusted_keys(self, value: Mapping[str, str]) -> None:
        self._identity.put("trusted_keys", dict(value))

    def add_trusted_key(self, alias: str, pubkey: str) -> bool:
        """Trust this key from now on; `save` stores it. -> False if the alias is taken, and then nothing changes."""
        with self._identity.locked():
            if alias in (keys := self.trusted_keys):
                return False
            self.trusted_keys = {**keys, alias: pubkey}
            return True

    def remove_trusted_key(self, alias: str) -> bool:
        """Trust it no more; `save` stores that. -> False if there is no such alias."""
        with self._identity.locked():
            if alias not in (keys := self.trusted_keys):
                return False
            self.trusted_keys = {name: key for name, key in keys.items() if name != alias}
            return True

    def is_trusted_key(self, pubkey: str | None) -> bool:
        """Line ends and spaces don't count: a PEM that went through an editor or another system is the same key."""
        return self.get_trusted_alias(pubkey) is not None

    def get_trusted_alias(self, pubkey: str | None) -> str | None:
        """The first alias of this key, compared as in `is_trusted_key`."""
        wanted = _bare(pubkey)
        return next((alias for alias, key in self.trusted_keys.items() if wanted and _bare(key) == wanted), None)

    # --- which hubs we know ---

    @property
    def pinned_noise_keys(self) -> dict[str, str]:
        """`host:port` of a hub -> its static key, 64 hexadecimal digits. A copy."""
        return self._map("pinned_noise_keys")

    def get_pinned_noise_key(self, node_id: str) -> str | None:
        """The key of this hub, however its host is written. None: it is not known."""
        pins = self.pinned_noise_keys
        return next((pins[one] for one in _spellings(node_id, pins)), None)

    def pin_noise_key(self, node_id: str, pubkey: str) -> None:
        """Remember the key of this hub, stored at once. Raises IdentityReadOnly, IdentityError."""
        with self._identity.exclusive():
            self._identity.write("pinned_noise_keys", {**self.pinned_noise_keys, node_id: pubkey})

    def forget_noise_key(self, node_id: str) -> bool:
        """Forget the key of this hub, however its host is written, stored at once. -> False if it was not known."""
        with self._identity.exclusive():
            forgotten = _spellings(node_id, pins := self.pinned_noise_keys)
            if forgotten:
                left = {hub: key for hub, key in pins.items() if hub not in forgotten}
                self._identity.write("pinned_noise_keys", left)
            return bool(forgotten)

    # --- storing ---

    def save(self) -> None:
        """Store what was changed, and only that; see Identity.save. Raises IdentityReadOnly, IdentityError.

        With a changed password, keys that were derived from the old one go (wire-v3.md section 4.7).
        """
        with self._identity.locked():
            if self._identity.is_changed("password"):
                self._identity.write_secret(NOISE_PSKS, None)
            self._identity.save()

    def reload(self) -> None:
        """Forget unsaved changes and read what is stored."""
        self._identity.reload()

    def __repr__(self) -> str:
        return f"NodeIdentity({self.name!r}, site_id={self.site_id!r}, location={self._identity.location!r})"

    # --- inside ---

    def _text(self, field: str) -> str | None:
        value = self._identity.read(field)
        if value is not None and not isinstance(value, str):
            raise self._wrong(field, value, "text")
        return value or None

    def _map(self, field: str) -> dict[str, str]:
        value = self._identity.read(field) or {}
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value.values()):
            raise self._wrong(field, value, "an object that holds nothing but text")
        return value

    def _wrong(self, field: str, value: object, wanted: str) -> IdentityError:
        return IdentityError(
            f"field {field!r} of the identity in {self._identity.location} is {type(value).__name__}, not {wanted}",
            hint="correct it by hand, or set it anew",
        )

    def _key_path(self, secret: str, field: str) -> str | None:
        files = self._identity.files()
        return self._text(field) if files is None else files.secret_path(secret, self._identity.memory)


def _spellings(node_id: str, pins: Mapping[str, str]) -> list[str]:
    from ..settings import spellings  # who looks for no hub needs no addresses

    return spellings(node_id, pins)


def _bare(pem: object) -> str:
    return "".join(pem.split()) if isinstance(pem, str) else ""


def _mapping(identity_file: object) -> MutableMapping[str, Any] | None:
    return identity_file if isinstance(identity_file, MutableMapping) else None


def _path(identity_file: str | os.PathLike[str] | HasPath | None) -> str | None:
    if identity_file is None or isinstance(identity_file, (str, os.PathLike)):
        return None if identity_file is None else os.fspath(identity_file)
    path = getattr(identity_file, "path", None)
    if not isinstance(path, (str, os.PathLike)):
        raise SettingsError(
            f"identity_file is {type(identity_file).__name__}, without a path", hint="pass a path, or backend=..."
        )
    return os.fspath(path)


def _backends(path: str | None, app: str | None, shared_fallback: bool) -> tuple[IdentityBackend, ...]:
    """Those that HIVEMIND_IDENTITY names, else the one called `file`; so also for a path. Raises PluginMissing."""
    from ..plugins.loader import load_identities
    from ..settings.plugins import identity_names

    # what is not given may come from the environment or the config file
    arguments = ({} if path is None else {"path": path}) | ({} if shared_fallback else {"shared_fallback": False})
    return load_identities(identity_names() if path is None else ("file",), app=app, file=arguments)
