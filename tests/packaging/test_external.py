"""The plugins that are distributions of their own: what they import, and what they say about themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from public_kit import not_public

from hivemind_sdk import __version__

ROOT = Path(__file__).parent.parent.parent
EXTERNAL = sorted(ROOT.glob("plugins/hivemind-*"))


PLUGINS = [folder for folder in EXTERNAL if "entry-points" in (folder / "pyproject.toml").read_text(encoding="utf-8")]
"""those that add something to the SDK; the drop-in stands beside it"""


@pytest.mark.parametrize("folder", EXTERNAL, ids=lambda folder: folder.name)
def test_a_plugin_gets_by_with_public_modules(folder):
    assert not_public(folder) == []


def next_minor(version):
    """The first that may take something away, while the first number is 0."""
    major, minor, _ = version.split(".")
    return f"{major}.{int(minor) + 1}.0"


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_a_plugin_is_typed_explained_and_asks_for_a_range_of_the_core(folder):
    stated = (folder / "pyproject.toml").read_text(encoding="utf-8")
    (package,) = (path.parent for path in folder.glob("src/*/__init__.py"))
    assert f'name = "{folder.name}"' in stated
    (wanted,) = re.findall(r'^    "hivemind-satellite-sdk(.*)",$', stated, re.MULTILINE)
    assert __version__ in SpecifierSet(wanted)
    assert next_minor(__version__) not in SpecifierSet(wanted)
    assert re.search(rf'^\[project.entry-points.hivemind_sdk\]\n(\S+ = "{package.name}\S*"\n)+', stated, re.MULTILINE)
    assert (package / "py.typed").is_file()
    assert "```python" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", EXTERNAL, ids=lambda folder: folder.name)
def test_a_plugin_can_be_found_by_its_keywords(folder):
    stated = (folder / "pyproject.toml").read_text(encoding="utf-8")
    kinds = set(re.findall(r'^"(\w+)\.\S+" = ', stated, re.MULTILINE))
    if not kinds:
        return  # it has no plugin: the package that takes the place of hivemind-bus-client
    keywords = set(re.findall(r'"(\w+)"', re.search(r"^keywords = \[(.*?)\]$", stated, re.MULTILINE)[1]))
    assert keywords >= {"hivemind_sdk", *(f"hivemind_sdk_{kind}" for kind in kinds)}
