"""Saving: whole or not at all, on a disk that is full and in a crowd."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from ....contracts import IdentityBackend
from ....errors import IdentityError
from ....identity.state import NOISE_KEY, NOISE_PSKS
from ..contract import check, skip
from ..expect import at_once, must, ours_alone, same, together
from ..scarcity import full_disk, in_processes
from .places import FIELDS, SECRET, Places


class Saving(Places):
    """Checks of what a save that fails, or is not alone, leaves behind."""

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
                backend.update(_large())
        same(self._files(), before, "files, after saves that failed")
        backend.update({"name": "bedroom"})
        same(self.backend().load(), {**FIELDS, "name": "bedroom"}, "when there is room again")

    @check
    def test_a_full_disk_leaves_the_old_secret(self) -> None:
        backend = self._writable()
        for name in (NOISE_PSKS, NOISE_KEY):
            self._save_secret(backend, name, SECRET)
            for full_at in (0, 20_000):
                with full_disk(full_at) as happened:
                    try:
                        backend.save_secret(name, "x" * 50_000)
                    except IdentityError:
                        happened.append(name)
                if happened:
                    same(self.backend().load_secret(name), SECRET, f"the secret {name}, after a full disk")

    @check
    def test_a_reader_never_sees_half_a_version(self) -> None:
        backend, reader = self._writable(), self.backend()
        versions = [{"name": letter, "fill": letter * size} for letter, size in (("a", 10), ("b", 60_000))]
        backend.update(versions[0])
        over = threading.Event()

        def write() -> None:
            try:
                for number in range(40):
                    backend.update(versions[number % 2])
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

    @check
    def test_changes_of_several_programs_are_all_kept(self) -> None:
        self._writable()

        def change(backend: IdentityBackend, name: str) -> None:
            for number in range(10):
                backend.update({name: number, "pinned_noise_keys": {f"{name}-{number}": "ab"}})

        names = [f"program {number}" for number in range(4)]
        in_processes([partial(change, self.backend(), name) for name in names], seconds=self.limit)
        pins = {f"{name}-{number}": "ab" for name in names for number in range(10)}
        expected = {**dict.fromkeys(names, 9), "pinned_noise_keys": pins}
        same(self.backend().load(), expected, "what four programs have changed at the same time")

    def _survives(self, full_at: int) -> None:
        backend = self._saved()
        failed: list[IdentityError] = []
        with full_disk(full_at):
            try:
                at_once(partial(backend.update, _large()), "save, on a full disk", self.patience)
            except IdentityError as error:
                failed.append(error)
            except OSError as error:
                raise AssertionError(f"a full disk raises {type(error).__name__}, no IdentityError") from error
        same(self.backend().load(), FIELDS if failed else {**FIELDS, **_large()}, "what is stored after a full disk")

    def _survives_crowd(self, run: Callable[[list[Any]], Any], backends: list[IdentityBackend]) -> None:
        versions = [{"name": f"{number}", "fill": f"{number}" * (500 << 3 * number)} for number in range(len(backends))]

        def save(backend: IdentityBackend, version: dict[str, Any]) -> None:
            for _ in range(10):
                backend.update(dict(version))

        run([partial(save, backend, version) for backend, version in zip(backends, versions, strict=True)])
        try:
            stored = self.backend().load()
        except IdentityError as error:
            raise AssertionError(f"load fails after saves at the same time: {type(error).__name__}") from error
        must(stored in versions, "what is stored is none of the versions that were saved")
        before = len(self._files())
        self.backend().update({"name": "after"})
        same(len(self._files()), before, "how many files there are after saves at the same time")


def _large() -> dict[str, Any]:
    return {"name": "bedroom", "fill": "x" * 100_000, "end": json.dumps(FIELDS)}
