"""Identity backends with one fault each, around the built-in file."""

from __future__ import annotations

import contextlib
import json
import os
import time

from conformance.mutants import caught_by

from hivemind_identity_file.backend import FileIdentity
from hivemind_sdk.errors import IdentityError, IdentityFileCorrupted
from hivemind_sdk.identity import apply_changes
from hivemind_sdk.testing import IdentityContract


class Twin(IdentityContract):
    kind = FileIdentity

    def backend(self):
        return self.kind(self.folder / "hivemind" / "_identity.json")


class InPlace(FileIdentity):
    """Writes over the file that is there."""

    def update(self, changes):
        try:
            text = json.dumps(apply_changes(self.load(), changes), allow_nan=False)
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            with open(self._file, "wb", 0, opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.writelines(text[start : start + 1000].encode() for start in range(0, len(text), 1000))
        except (TypeError, ValueError, OSError):
            raise IdentityError("it can't be saved") from None


@caught_by("test_a_disk_that_fills_up_in_the_middle_leaves_the_old_fields")
class OldFileLostOnAFullDisk(Twin):
    kind = InPlace


@caught_by("test_a_disk_that_is_full_from_the_start_leaves_the_old_fields")
class FullDiskUnnoticed(Twin):
    class kind(FileIdentity):
        def update(self, changes):
            try:
                super().update(changes)
            except IdentityError as error:
                if not isinstance(error.__cause__, OSError):
                    raise


@caught_by("test_a_reader_never_sees_half_a_version")
class HalfVersionsSeen(Twin):
    kind = InPlace


@caught_by("test_a_failed_save_leaves_nothing_behind")
class TemporaryFilesLeft(Twin):
    class kind(FileIdentity):
        def update(self, changes):
            try:
                super().update(changes)
            except IdentityError:
                self._file.with_suffix(".tmp").touch()
                raise


@caught_by("test_saves_of_several_programs_leave_one_whole_version")
class OneNameForAllTemporaryFiles(Twin):
    class kind(FileIdentity):
        def update(self, changes):
            temporary = self._file.with_suffix(".tmp")
            temporary.parent.mkdir(exist_ok=True)
            data = json.dumps(apply_changes(self.load(), changes)).encode()
            with temporary.open("wb", buffering=0) as file:
                for start in range(0, len(data), 100):
                    file.write(data[start : start + 100])
            time.sleep(0.003)  # so that the others come in between on a busy machine, too
            temporary.replace(self._file)


@caught_by("test_saves_of_several_threads_leave_one_whole_version")
class TwoThreadsOneFile(Twin):
    kind = OneNameForAllTemporaryFiles.kind


@caught_by("test_fields_come_back_as_they_were_saved_unknown_ones_too")
class UnknownFieldsDropped(Twin):
    class kind(FileIdentity):
        def load(self):
            known = ("name", "site_id", "password", "default_port", "pinned_noise_keys")
            return {key: value for key, value in super().load().items() if key in known}


@caught_by("test_an_update_changes_what_it_names_and_nothing_else")
class AllFieldsReplaced(Twin):
    class kind(FileIdentity):
        def update(self, changes):
            super().update({**dict.fromkeys(self.load()), **changes})


@caught_by("test_an_object_is_merged_entry_by_entry")
class ObjectsReplaced(Twin):
    class kind(FileIdentity):
        def update(self, changes):
            super().update({key: None for key, value in changes.items() if isinstance(value, dict)})
            super().update(changes)


@caught_by("test_changes_of_several_programs_are_all_kept")
class WithoutALock(Twin):
    class kind(FileIdentity):
        def __init__(self, path):
            super().__init__(path)
            self._lock = contextlib.nullcontext()


@caught_by("test_what_another_program_has_saved_is_seen")
class ReadOnce(Twin):
    class kind(FileIdentity):
        cache = None

        def load(self):
            if self.cache is None:
                self.cache = super().load()
            return json.loads(json.dumps(self.cache))

        def update(self, changes):
            super().update(changes)
            self.cache = None


@caught_by("test_loaded_fields_are_the_callers_own")
class FieldsShared(Twin):
    class kind(FileIdentity):
        cache = None

        def load(self):
            if self.cache is None:
                self.cache = super().load()
            return self.cache

        def update(self, changes):
            super().update(changes)
            self.cache = None


@caught_by("test_what_is_corrupt_is_an_error_and_stays_as_it_is")
class CorruptMeansEmpty(Twin):
    class kind(FileIdentity):
        def load(self):
            try:
                return super().load()
            except IdentityFileCorrupted:
                return {}


@caught_by("test_what_is_corrupt_is_an_error_and_stays_as_it_is")
class CorruptFileMovedAway(Twin):
    class kind(FileIdentity):
        def load(self):
            try:
                return super().load()
            except IdentityFileCorrupted:
                self._file.rename(self._file.with_suffix(".bak"))
                raise


@caught_by("test_files_are_for_this_user_alone")
class ReadableForAll(Twin):
    class kind(FileIdentity):
        def update(self, changes):
            super().update(changes)
            self._file.chmod(0o644)


@caught_by("test_secrets_are_kept_apart_from_the_fields")
class SecretsAmongTheFields(Twin):
    class kind(FileIdentity):
        def load_secret(self, name, fields=None):
            return self.load().get(f"secret {name}")

        def save_secret(self, name, text):
            self.update({f"secret {name}": text})
            return "in the file"


@caught_by("test_neither_reprs_nor_errors_hold_a_secret")
class SecretInTheRepr(Twin):
    class kind(FileIdentity):
        def __repr__(self):
            return f"FileIdentity({self.load()})"


@caught_by("test_what_cannot_be_written_says_so_and_stays")
class SilentlyReadOnly(Twin):
    class kind(FileIdentity):
        writable = False

        def update(self, changes):
            """Nothing happens, and nobody is told."""

        def save_secret(self, name, text):
            return ""
