"""The picture on the page `Architecture` shows the imports of today, and the page names every folder."""

from __future__ import annotations

import importlib.util
import re
import sys

from docs.tables import ROOT

SCRIPT = ROOT / "docs/assets/architecture.py"
PAGE = ROOT / "docs/architecture.md"


def load_script():
    spec = importlib.util.spec_from_file_location("architecture", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = path
    return module


def test_the_picture_shows_the_imports_of_today():
    script = load_script()
    assert script.PICTURE.read_text(encoding="utf-8") == script.svg(), f"run: python {SCRIPT.relative_to(ROOT)}"


def test_the_page_says_in_one_line_what_each_folder_holds():
    entries = {path.name for path in (ROOT / "hivemind_sdk").iterdir() if not path.name.startswith("_")}
    folders = {f"{name}/" if "." not in name else name for name in entries - {"py.typed"}}
    rows = re.findall(r"^\| `([\w./]+)` \| .+ \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(rows) == folders
