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
    """Checks of `load` and `update`."""

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
        for changes in (FIELDS, {}, {"name": "x" * 100_000}):
            backend.update(dict(changes))
            same(backend.load(), {**FIELDS, **changes}, "what was saved")
            same(self.backend().load(), {**FIELDS, **changes}, "what was saved, as another program sees it")

    @check
    def test_an_update_changes_what_it_names_and_nothing_else(self) -> None:
        backend = self._writable()
        backend.update(dict(FIELDS))
        backend.update({"name": "bedroom", "password": None, "default_port": None, "never there": None})
        expected = {key: value for key, value in FIELDS.items() if key not in ("password", "default_port")}
        same(backend.load(), {**expected, "name": "bedroom"}, "after an update of one field, and two that are removed")

    @check
    def test_an_object_is_merged_entry_by_entry(self) -> None:
        """Two programs that pin a hub each keep both pins."""
        backend, other = self._writable(), self.backend()
        backend.update({"pinned_noise_keys": {"first:5678": "aa"}})
        other.update({"pinned_noise_keys": {"second:5678": "bb"}})
        same(backend.load(), {"pinned_noise_keys": {"first:5678": "aa", "second:5678": "bb"}}, "two entries")
        other.update({"pinned_noise_keys": {"first:5678": None}})
        same(backend.load(), {"pinned_noise_keys": {"second:5678": "bb"}}, "after one was removed")

    @check
    def test_what_another_program_has_saved_is_seen(self) -> None:
        backend = self._writable()
        backend.update({"name": "kitchen"})
        backend.load()
        self.backend().update({"name": "bedroom"})
        same(backend.load(), {"name": "bedroom"}, "what another program has saved")

    @check
    def test_loaded_fields_are_the_callers_own(self) -> None:
        backend = self._writable()
        saved: dict[str, Any] = {"name": "kitchen", "pinned_noise_keys": {}}
        backend.update(saved)
        saved["name"] = "changed"
        loaded = backend.load()
        loaded["pinned_noise_keys"]["hub"] = "changed"
        same(backend.load(), {"name": "kitchen", "pinned_noise_keys": {}}, "after a caller has changed what is its own")

    @check
    def test_what_json_cannot_hold_is_refused_and_the_old_fields_stay(self) -> None:
        backend = self._writable()
        backend.update(dict(FIELDS))
        for value in _NOT_JSON:
            with refused(f"a field that holds a {type(value).__name__}", IdentityError) as caught:
                backend.update({"password": SECRET, "odd": value})
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
        with refused("update, where writable is False", IdentityReadOnly):
            backend.update({"name": "bedroom"})
        with refused("save_secret, where writable is False", IdentityReadOnly):
            backend.save_secret(NOISE_KEY, SECRET)
        same(backend.load(), before, "fields, after a save that was refused")
