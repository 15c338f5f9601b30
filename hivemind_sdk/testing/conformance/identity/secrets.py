"""Secrets: kept apart from the fields, for this user alone, and shown to nobody."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Any

from ....errors import IdentityError
from ....identity.state import NOISE_KEY, NOISE_PSKS, PRIVATE_PEM
from ..contract import check, skip
from ..expect import hides, must, ours_alone, same, told
from .places import SECRET, Places


class Secrets(Places):
    """Checks of `load_secret` and `save_secret`."""

    @check
    def test_secrets_come_back_and_none_removes_them(self) -> None:
        backend = self._writable()
        for name in (NOISE_KEY, NOISE_PSKS, PRIVATE_PEM):
            self._save_secret(backend, name, f"{name}\n{SECRET}")
        for name in (NOISE_KEY, NOISE_PSKS, PRIVATE_PEM):
            same(self.backend().load_secret(name), f"{name}\n{SECRET}", f"the secret {name}")
        self._save_secret(backend, NOISE_PSKS, None)
        self._save_secret(backend, NOISE_PSKS, None)
        same(self.backend().load_secret(NOISE_PSKS), None, "a secret that was removed")
        same(self.backend().load_secret(NOISE_KEY), f"{NOISE_KEY}\n{SECRET}", "another one, after that")

    @check
    def test_a_secret_is_replaced_whole(self) -> None:
        backend = self._writable()
        for name in (NOISE_KEY, PRIVATE_PEM):
            self._save_secret(backend, name, SECRET * 3)
            self._save_secret(backend, name, "short")
            same(self.backend().load_secret(name), "short", f"the secret {name}, replaced by a shorter one")

    @check
    def test_secrets_are_kept_apart_from_the_fields(self) -> None:
        backend = self._saved()
        for name in (NOISE_KEY, PRIVATE_PEM):
            self._save_secret(backend, name, SECRET)
            hides((SECRET,), "load()", backend.load())
        fields = {**backend.load(), "name": "bedroom"}
        backend.update(fields)
        same(backend.load(), fields, "fields, beside secrets")
        for name in (NOISE_KEY, PRIVATE_PEM):
            same(self.backend().load_secret(name), SECRET, f"the secret {name}, after saving the fields")

    @check
    def test_files_are_for_this_user_alone(self) -> None:
        if os.name != "posix":
            skip("there are no modes here")
        before = os.umask(0)
        try:
            backend = self._saved()
            for name in (NOISE_KEY, NOISE_PSKS, PRIVATE_PEM):
                self._save_secret(backend, name, SECRET)
        finally:
            os.umask(before)
        for path in self._files() or skip("it keeps no files in `folder`"):
            mode = stat.S_IMODE(path.stat().st_mode)
            must(not mode & 0o077, f"{path.name} has mode {mode:o}: others may read it")

    @check
    def test_neither_reprs_nor_errors_hold_a_secret(self) -> None:
        backend = self._saved()
        self._save_secret(backend, NOISE_KEY, SECRET)
        backend.load()
        backend.load_secret(NOISE_KEY)
        secrets = (SECRET, "sw0rdf1sh-4711")
        hides(secrets, "the repr", backend, backend.location)
        attempts: list[Callable[[], Any]] = [
            lambda: backend.load_secret("../../etc/passwd"),
            lambda: backend.save_secret("../" + "x" * 300, SECRET),
            lambda: backend.save_secret(NOISE_PSKS, f"{SECRET}\ud800"),
        ]
        for attempt in attempts:
            with ours_alone("what can't be a secret, or its name") as caught:
                attempt()
            hides(secrets, "the error", *told(caught.error))

    @check
    def test_a_secrets_name_leads_nowhere_else(self) -> None:
        backend = self._writable()
        outside = self.folder / "outside"
        outside.write_text("not yours")
        for name in (f"../{self.folder.name}/outside", str(outside), "a/../../outside", ""):
            try:
                found = backend.load_secret(name)
                backend.save_secret(name, "overwritten")
            except IdentityError:
                found = None
            must(found is None, f"load_secret({name!r}) reads a file that is none of its own")
        same(outside.read_text(), "not yours", "a file that is none of its own")
