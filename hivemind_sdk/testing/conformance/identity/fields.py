"""The fields of an identity: what is saved comes back, to everybody, and what can't be read or written is said."""

from __future__ import annotations

from typing import Any

from ....errors import IdentityError, IdentityFileCorrupted, IdentityReadOnly
from ....identity.state import NOISE_KEY, NOISE_PSKS, PRIVATE_PEM
from ..contract import check, skip
from ..expect import hides, must, refused, same, told
from .places import FIELDS, SECRET, Places

_NOT_JSON: tuple[Any, ...] = (b"bytes", float("nan"), {1, 2}, object())


class Fields(Places):
    """Checks of `load` and `save`."""

    @check
    def test_it_says_where_it_is_and_whether_it_can_be_written(self) -> None:
        backend = self.backend()
        must(type(backend.writable) is bool, "writable is no bool")
        must(type(backend.location) is str and backend.location, "location says nothing")

    @check
    def test_what_is_not_there_yet_is_empty_and_reading_makes_nothing(self) -> None:
        backend = self._writable()
        same(backend.load(), {}, "fields, before anything was saved")
        for name in (PRIVATE_PEM, NOISE_KEY, NOISE_PSKS):
            same(backend.load_secret(name), None, f"the secret {name}, before it was saved")
        same(self._files(), [], "files that reading has made")

    @check
    def test_fields_come_back_as_they_were_saved_unknown_ones_too(self) -> None:
        backend = self._writable()
        for fields in (FIELDS, {}, {"name": "x" * 100_000}):
            backend.save(dict(fields))
            same(backend.load(), fields, "what was saved")
            same(self.backend().load(), fields, "what was saved, as another program sees it")

    @check
    def test_saving_replaces_all_fields(self) -> None:
        backend = self._writable()
        backend.save(dict(FIELDS))
        backend.save({"name": "bedroom"})
        same(backend.load(), {"name": "bedroom"}, "after a second save, which has fewer fields")

    @check
    def test_what_another_program_has_saved_is_seen(self) -> None:
        backend = self._writable()
        backend.save({"name": "kitchen"})
        backend.load()
        self.backend().save({"name": "bedroom"})
        same(backend.load(), {"name": "bedroom"}, "what another program has saved")

    @check
    def test_loaded_fields_are_the_callers_own(self) -> None:
        backend = self._writable()
        saved: dict[str, Any] = {"name": "kitchen", "pinned_noise_keys": {}}
        backend.save(saved)
        saved["name"] = "changed"
        loaded = backend.load()
        loaded["pinned_noise_keys"]["hub"] = "changed"
        same(backend.load(), {"name": "kitchen", "pinned_noise_keys": {}}, "after a caller has changed what is its own")

    @check
    def test_what_json_cannot_hold_is_refused_and_the_old_fields_stay(self) -> None:
        backend = self._writable()
        backend.save(dict(FIELDS))
        for value in _NOT_JSON:
            with refused(f"a field that holds a {type(value).__name__}", IdentityError) as caught:
                backend.save({"password": SECRET, "odd": value})
            hides((SECRET,), "the error", *told(caught.error))
            same(self.backend().load(), FIELDS, "after a save that was refused")

    @check
    def test_what_is_corrupt_is_an_error_and_stays_as_it_is(self) -> None:
        backend = self._saved()
        self.corrupt()
        before = self._contents()
        for one in (backend, self.backend()):
            with refused("load, of what is corrupt", IdentityFileCorrupted) as caught:
                one.load()
            must(str(caught.error), "the error says nothing")
            hides(("sw0rdf1sh-4711",), "the error", *told(caught.error))
        same(self._contents(), before, "what is corrupt, after it was looked at")

    @check
    def test_what_cannot_be_written_says_so_and_stays(self) -> None:
        backend = self.backend()
        if backend.writable:
            skip("it can be written")
        before = backend.load()
        with refused("save, where writable is False", IdentityReadOnly):
            backend.save({"name": "bedroom"})
        with refused("save_secret, where writable is False", IdentityReadOnly):
            backend.save_secret(NOISE_KEY, SECRET)
        same(backend.load(), before, "fields, after a save that was refused")
