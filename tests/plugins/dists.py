"""Fake distributions: a folder with a module for each entry point, and the metadata that an installer would write."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from hivemind_sdk.plugins.entrypoints import DISTRIBUTION

HEAD = "from hivemind_sdk.hooks import *\nfrom hivemind_sdk.messages import HiveMessageType\nHIVEMIND_API = 1\n"
_numbers = itertools.count()

# whole plugins, each on a line or two
PIGEON = """
@hookimpl
def hivemind_transports():
    return [TransportPlugin(name="pigeon", schemes=("pigeon",), create=object)]
"""
ROT13 = """
@hookimpl
def hivemind_ciphers():
    return [CipherPlugin(name="rot13", cipher="ROT13", key_sizes=(16,), nonce_size=12, create=object)]
"""
WAVE = """
@hookimpl
def hivemind_commands():
    return [CommandPlugin(name="wave", create=lambda: "a click command")]
"""


def transport(name: str, *schemes: str) -> str:
    return PIGEON.replace('"pigeon"', repr(name), 1).replace('("pigeon",)', repr(schemes or (name,)))


def cipher(name: str, rank: int = 0) -> str:
    return ROT13.replace('"rot13"', repr(name)).replace("create=", f"rank={rank}, create=")


class Dists:
    """Installs fake distributions for one test. Nothing but them is found: our own is hidden behind an empty one.

    `beside_ours`: our own is found as well.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, *, beside_ours: bool = False) -> None:
        self._folder, self._patch = folder, patch
        self.modules: dict[tuple[str, str], str] = {}
        if not beside_ours:
            self._add_metadata(DISTRIBUTION, "0.1", {}, "")

    def install(
        self, distribution: str, plugins: Mapping[str, str], *, version: str = "1.0", head: str = HEAD, more: str = ""
    ) -> None:
        """`plugins`: name of an entry point -> source of its module. `more`: further lines of entry_points.txt.

        The one that is installed last comes first on the path.
        """
        entry_points = {}
        folder = self._add_metadata(distribution, version, entry_points, more)
        for name, source in plugins.items():
            module = f"fake_plugin_{next(_numbers)}"
            (folder / f"{module}.py").write_text(head + dedent(source), encoding="utf-8")
            entry_points[name] = self.modules[distribution, name] = module
        self._write_entry_points(folder, entry_points, more)

    def is_imported(self, distribution: str, plugin: str) -> bool:
        return self.modules[distribution, plugin] in sys.modules

    def forget(self) -> None:
        for module in self.modules.values():
            sys.modules.pop(module, None)

    def _add_metadata(self, distribution: str, version: str, entry_points: Mapping[str, str], more: str) -> Path:
        folder = self._folder / f"path{next(_numbers)}"
        info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        self._write_entry_points(folder, entry_points, more)
        self._patch.syspath_prepend(str(folder))
        return folder

    def _write_entry_points(self, folder: Path, entry_points: Mapping[str, str], more: str) -> None:
        (info,) = folder.glob("*.dist-info")
        lines = [f"{name} = {value}" for name, value in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[hivemind_sdk]", *lines, more, ""]))
