"""A new plugin, as a distribution of its own: written from the templates in this package, and complete.

`templates/common` is in each of them, `templates/KIND` is what one kind has beside it; a satellite has what an
application has, too. `@WORD@` stands for a value, in contents and paths; `.in` keeps tools that read Python from
reading templates.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from ..._version import __version__
from ...errors import SettingsError
from ...hooks import API_VERSION
from ..instances import option_variable
from .kinds import KINDS
from .names import Names, named
from .source import DISTRIBUTION, sdk_source

__all__ = ["KINDS", "Names", "create", "named", "plugin_kind", "sdk_source"]

_TEMPLATES = Path(__file__).with_name("templates")
_COMMON, _USE, _SUFFIX = "common", "use.md", ".in"
_WORD = re.compile(r"@([A-Z]+)@")


def create(kind: str, names: Names, folder: Path, sdk: str | None = None) -> list[str]:
    """Write a plugin of this kind (one of KINDS) into a folder that is empty, or not there yet. -> its files, relative

    `sdk`: where pip gets the SDK from, see `sdk_source`; by default from the index. Raises SettingsError for a folder
    that holds something, OSError; then nothing is left of it.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise SettingsError(
            f"{folder} is there already, and is not empty", hint="choose another name, or another folder with --into"
        )
    content = contents(kind, names, sdk)
    try:
        for path, text in content.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return list(content)


def plugin_kind(kind: str) -> str:
    """The kind of the plugin in this skeleton."""
    return KINDS[kind].plugin or kind


def contents(kind: str, names: Names, sdk: str | None = None) -> dict[str, str]:
    """Path of each file, relative and with slashes -> its text."""
    words = _words(kind, names, sdk)
    templates = {**_templates(_COMMON), **_templates(plugin_kind(kind)), **_templates(kind)}
    words["USE"] = _filled(templates.pop(_USE), words).strip()
    return {_filled(path, words): _filled(text, words) for path, text in sorted(templates.items())}


def _words(kind: str, names: Names, sdk: str | None) -> dict[str, str]:
    major, minor = map(int, __version__.split(".")[:2])
    versions = f">={major}.{minor},<{major}.{minor + 1}"
    requirements = (f"{DISTRIBUTION}{versions}", *KINDS[kind].requires)
    return {
        "API": str(API_VERSION),
        "DEPENDENCIES": "\n    ".join(f'"{one}",' for one in requirements),
        "INSTALL": f"python -m pip install {shlex.quote(sdk)}\n" if sdk else "",
        "KIND": plugin_kind(kind),
        "NAME": names.distribution,
        "PACKAGE": names.module,
        "PLUGIN": names.plugin,
        "RANGE": versions,
        "SDK": f"deps = {{env:HIVEMIND_SDK:{sdk}}}\n" if sdk else "",
        "SUMMARY": KINDS[kind].summary,
        "VARIABLE": option_variable(names.plugin, ""),
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    return _WORD.sub(lambda found: words[found[1]], text)


def _templates(part: str) -> dict[str, str]:
    """Path without the suffix -> text."""
    root = _TEMPLATES / part
    found = sorted(root.rglob(f"*{_SUFFIX}"))
    return {one.relative_to(root).as_posix()[: -len(_SUFFIX)]: one.read_text(encoding="utf-8") for one in found}
