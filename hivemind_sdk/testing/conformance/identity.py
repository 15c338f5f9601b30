"""What contracts.IdentityBackend promises: whole versions, private ones, and none that is lost."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from ...contracts import IdentityBackend
from ...errors import IdentityError, IdentityFileCorrupted, IdentityReadOnly
from ...identity import NOISE_KEY, NOISE_PSKS, PRIVATE_PEM, SECRET_FIELDS
from ...settings import Credentials
from .contract import Contract, check, skip
from .expect import at_once, hides, must, ours_alone, refused, same, together, told
from .scarcity import full_disk, in_processes

FIELDS: dict[str, Any] = {
    "name": "Küche 🐝",
    "site_id": "kitchen",
    "password": "sw0rdf1sh-4711",
    "default_port": 5678,
    "pinned_noise_keys": {"hub:5678": "ab" * 32},
    "a field of the future": {"deep": [1, 2.5, True, None, {"er": ""}], "text": 'a\nb\t"c"\\'},
}
_SECRET = "do-not-show-" + "5e" * 24
_NOT_JSON: tuple[Any, ...] = (b"bytes", float("nan"), {1, 2}, object())


class IdentityContract(Contract):
    """Holds a contracts.IdentityBackend to its contract. Override `backend`: whatever it keeps belongs in `folder`.

    A backend that can't be written has to be made with something in it, and passes by refusing what would change it.
    """

    credentials: ClassVar[Credentials] = Credentials("Sesame-4711-open", "sw0rdf1sh-4711")

    def backend(self) -> IdentityBackend:
        """A new object over the same place, for all calls of one check: as another program would make it."""
        raise NotImplementedError

    def corrupt(self) -> None:
        """Make what is stored unreadable. By default, every file in `folder` is overwritten."""
        files = self._files() or skip("it keeps no files in `folder`: override `corrupt`, if it can be corrupted")
        for path in files:
            path.write_bytes(b'{"password": "sw0rdf1sh-4711", ')

    # --- fields ---

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
                backend.save({"password": _SECRET, "odd": value})
            hides((_SECRET,), "the error", *told(caught.error))
            same(self.backend().load(), FIELDS, "after a save that was refused")

    # --- saving whole or not at all ---

    @check
    def test_a_disk_that_is_full_from_the_start_leaves_the_old_fields(self) -> None:
        self._survives(full_at=0)

    @check
    def test_a_disk_that_fills_up_in_the_middle_leaves_the_old_fields(self) -> None:
        self._survives(full_at=20_000)

    @check
    def test_a_failed_save_leaves_nothing_behind(self) -> None:
        backend = self._saved()
        before = self._files() or skip("it keeps no files in `folder`")
        for full_at in (0, 20_000):
            with full_disk(full_at), ours_alone("a full disk"):
                backend.save(_large())
        same(self._files(), before, "files, after saves that failed")
        backend.save({"name": "bedroom"})
        same(self.backend().load(), {"name": "bedroom"}, "when there is room again")

    @check
    def test_a_full_disk_leaves_the_old_secret(self) -> None:
        backend = self._writable()
        for name in (NOISE_PSKS, NOISE_KEY):
            self._save_secret(backend, name, _SECRET)
            for full_at in (0, 20_000):
                with full_disk(full_at) as happened:
                    try:
                        backend.save_secret(name, "x" * 50_000)
                    except IdentityError:
                        happened.append(name)
                if happened:
                    same(self.backend().load_secret(name), _SECRET, f"the secret {name}, after a full disk")

    @check
    def test_a_reader_never_sees_half_a_version(self) -> None:
        backend, reader = self._writable(), self.backend()
        versions = [{"name": letter, "fill": letter * size} for letter, size in (("a", 10), ("b", 60_000))]
        backend.save(versions[0])
        over = threading.Event()

        def write() -> None:
            try:
                for number in range(40):
                    backend.save(versions[number % 2])
            finally:
                over.set()

        def read() -> None:
            while not over.is_set():
                try:
                    found = reader.load()
                except IdentityError as error:
                    raise AssertionError(f"load fails while another saves: {type(error).__name__}") from error
                must(found in versions, "load gives fields that nobody has saved")

        together([write, read, read], "saving and loading", self.limit)

    @check
    def test_saves_of_several_threads_leave_one_whole_version(self) -> None:
        backend = self._writable()
        self._survives_crowd(lambda works: together(works, "saving", self.limit), [backend] * 4)

    @check
    def test_saves_of_several_programs_leave_one_whole_version(self) -> None:
        self._writable()
        self._survives_crowd(partial(in_processes, seconds=self.limit), [self.backend() for _ in range(4)])

    # --- what can't be read ---

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

    # --- secrets ---

    @check
    def test_secrets_come_back_and_none_removes_them(self) -> None:
        backend = self._writable()
        for name in (NOISE_KEY, NOISE_PSKS, PRIVATE_PEM):
            self._save_secret(backend, name, f"{name}\n{_SECRET}")
        for name in (NOISE_KEY, NOISE_PSKS, PRIVATE_PEM):
            same(self.backend().load_secret(name), f"{name}\n{_SECRET}", f"the secret {name}")
        self._save_secret(backend, NOISE_PSKS, None)
        self._save_secret(backend, NOISE_PSKS, None)
        same(self.backend().load_secret(NOISE_PSKS), None, "a secret that was removed")
        same(self.backend().load_secret(NOISE_KEY), f"{NOISE_KEY}\n{_SECRET}", "another one, after that")

    @check
    def test_a_secret_is_replaced_whole(self) -> None:
        backend = self._writable()
        for name in (NOISE_KEY, PRIVATE_PEM):
            self._save_secret(backend, name, _SECRET * 3)
            self._save_secret(backend, name, "short")
            same(self.backend().load_secret(name), "short", f"the secret {name}, replaced by a shorter one")

    @check
    def test_secrets_are_kept_apart_from_the_fields(self) -> None:
        backend = self._saved()
        for name in (NOISE_KEY, PRIVATE_PEM):
            self._save_secret(backend, name, _SECRET)
            hides((_SECRET,), "load()", backend.load())
        fields = {**backend.load(), "name": "bedroom"}
        backend.save(fields)
        same(backend.load(), fields, "fields, beside secrets")
        for name in (NOISE_KEY, PRIVATE_PEM):
            same(self.backend().load_secret(name), _SECRET, f"the secret {name}, after saving the fields")

    @check
    def test_files_are_for_this_user_alone(self) -> None:
        if os.name != "posix":
            skip("there are no modes here")
        before = os.umask(0)
        try:
            backend = self._saved()
            for name in (NOISE_KEY, NOISE_PSKS, PRIVATE_PEM):
                self._save_secret(backend, name, _SECRET)
        finally:
            os.umask(before)
        for path in self._files() or skip("it keeps no files in `folder`"):
            mode = stat.S_IMODE(path.stat().st_mode)
            must(not mode & 0o077, f"{path.name} has mode {mode:o}: others may read it")

    @check
    def test_neither_reprs_nor_errors_hold_a_secret(self) -> None:
        backend = self._saved()
        self._save_secret(backend, NOISE_KEY, _SECRET)
        backend.load()
        backend.load_secret(NOISE_KEY)
        secrets = (_SECRET, "sw0rdf1sh-4711")
        hides(secrets, "the repr", backend, backend.location)
        attempts: list[Callable[[], Any]] = [
            lambda: backend.load_secret("../../etc/passwd"),
            lambda: backend.save_secret("../" + "x" * 300, _SECRET),
            lambda: backend.save_secret(NOISE_PSKS, f"{_SECRET}\ud800"),
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

    # --- what can't be written ---

    @check
    def test_what_cannot_be_written_says_so_and_stays(self) -> None:
        backend = self.backend()
        if backend.writable:
            skip("it can be written")
        before = backend.load()
        with refused("save, where writable is False", IdentityReadOnly):
            backend.save({"name": "bedroom"})
        with refused("save_secret, where writable is False", IdentityReadOnly):
            backend.save_secret(NOISE_KEY, _SECRET)
        same(backend.load(), before, "fields, after a save that was refused")

    # --- all of it ---

    @check
    def test_a_satellite_keeps_its_keys_and_its_pin_in_it(self) -> None:
        """Joins the embedded hub twice, in the way of version 3: at first unknown, then as an old acquaintance."""
        from ...identity import Identity
        from .conversation import conversation, talk

        self._writable()
        with conversation(self.credentials, "5.3.10a1", patience=self.patience) as talking:
            patterns = []
            for _ in range(2):
                state = Identity([self.backend()])
                with talking.satellite(identity=state) as satellite:
                    talk(satellite)
                    patterns.append(info.pattern if (info := satellite.status.info) else "")
        same(patterns, ["XXpsk2", "KKpsk0"], "the patterns of two links")

    # --- inside ---

    def _writable(self) -> IdentityBackend:
        backend = self.backend()
        return backend if backend.writable else skip("it can't be written, and says so")

    def _saved(self) -> IdentityBackend:
        backend = self._writable()
        backend.save(dict(FIELDS))
        return backend

    def _save_secret(self, backend: IdentityBackend, name: str, text: str | None) -> None:
        """As `Identity` does: the field that names it is saved after it."""
        where = backend.save_secret(name, text)
        must(isinstance(where, str), f"save_secret gives {type(where).__name__}, and not where the secret is")
        field = SECRET_FIELDS.get(name)
        if field is not None:
            fields = {key: value for key, value in backend.load().items() if key != field}
            backend.save(fields if text is None else {**fields, field: where})

    def _survives(self, full_at: int) -> None:
        backend = self._saved()
        failed: list[IdentityError] = []
        with full_disk(full_at):
            try:
                at_once(partial(backend.save, _large()), "save, on a full disk", self.patience)
            except IdentityError as error:
                failed.append(error)
            except OSError as error:
                raise AssertionError(f"a full disk raises {type(error).__name__}, no IdentityError") from error
        same(self.backend().load(), FIELDS if failed else _large(), "what is stored after a full disk")

    def _survives_crowd(self, run: Callable[[list[Any]], Any], backends: list[IdentityBackend]) -> None:
        versions = [{"name": f"{number}", "fill": f"{number}" * (500 << 3 * number)} for number in range(len(backends))]

        def save(backend: IdentityBackend, version: dict[str, Any]) -> None:
            for _ in range(10):
                backend.save(dict(version))

        run([partial(save, backend, version) for backend, version in zip(backends, versions, strict=True)])
        try:
            stored = self.backend().load()
        except IdentityError as error:
            raise AssertionError(f"load fails after saves at the same time: {type(error).__name__}") from error
        must(stored in versions, "what is stored is none of the versions that were saved")
        before = len(self._files())
        self.backend().save({"name": "after"})
        same(len(self._files()), before, "how many files there are after saves at the same time")

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def _contents(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self._files()}


def _large() -> dict[str, Any]:
    return {"name": "bedroom", "fill": "x" * 100_000, "end": json.dumps(FIELDS)}
