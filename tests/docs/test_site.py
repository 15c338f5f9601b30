"""The built site shows the whole public surface, and holds nothing that a reader can't use. `tox -e docs` runs this."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from docs.test_examples import ROOT
from surface.describe import exported, members, public_modules, resolved, surface

pytestmark = pytest.mark.site
MAX_WIDTH = 80
"""columns of a code block, so that a phone and a split screen show it"""

FOR_DEVELOPERS = ("architecture", "contributing", "explanation/", "reference/vectors", "reference/wire")
"""pages about the inside, with diagrams and frames that lose their form when they are broken"""
CALLED_BY_PYTEST = {"pytest_generate_tests", "setup_method", "teardown_method"}


class Page(HTMLParser):
    """What a page shows, by the anchors in it: the text from one anchor of an object to the next."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.sections: dict[str, str] = {}
        self.code: list[str] = []
        self._anchors: list[str] = []
        self._in_code = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        anchor = dict(attrs).get("id") or ""
        if anchor.startswith("hivemind_sdk"):
            if not anchor.rpartition(".")[2].startswith(("_", "test_")):
                self._anchors = [anchor]
                self.sections.setdefault(anchor, "")
        elif tag == "pre":
            self._in_code += 1
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self._in_code -= 1

    def handle_data(self, data: str) -> None:
        for anchor in self._anchors:
            self.sections[anchor] += data
        if self._in_code:
            self.code[-1] += data


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=200)
    return folder


@pytest.fixture(scope="session")
def pages(site):
    return {path.relative_to(site).as_posix(): Page(path) for path in site.rglob("*.html")}


@pytest.fixture(scope="session")
def shown(pages):
    """`Class.member` or `function` -> what the site shows of it."""
    found: dict[str, str] = {}
    for page in pages.values():
        for anchor, text in page.sections.items():
            parts = anchor.split(".")
            for name in (".".join(parts[-2:]), parts[-1]):
                found[name] = found.get(name, "") + text
    return found


def wanted():
    """(name as on the site, the words that its section must hold) for every public name and its parameters."""
    listed = {module: names or exported(module) for module, names in public_modules().items()}
    for line in surface():
        module, _, rest = line.partition(" ")
        if module not in listed or ": the one of " in rest:
            continue
        name = re.match(r"[\w.]+", rest)[0]
        if name.startswith("__") or name.rpartition(".")[2] in CALLED_BY_PYTEST:
            continue
        if name.endswith(".__init__"):
            name = name.removesuffix(".__init__")
        yield name, parameters(rest)


def parameters(described: str) -> set[str]:
    """The names of the parameters in `name(a: int, *, b: str=1) -> ...`."""
    if ".setter" in described or not (inside := re.match(r"[\w.]+\((.*)\)", described)):
        return set()
    import ast

    try:
        arguments = ast.parse(f"def f({inside[1].rpartition(') ->')[0] or inside[1]}): ...").body[0].args
    except SyntaxError:
        return set()
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return {one.arg for one in every} - {"self", "cls"}


def test_the_site_shows_every_public_name_with_each_of_its_parameters(shown):
    missing = []
    for name, words in wanted():
        if name not in shown:
            missing.append(name)
        else:
            missing += [f"{name}({word})" for word in sorted(words) if not re.search(rf"\b{word}\b", shown[name])]
    assert not missing, "\n".join(sorted(set(missing)))


def test_every_setting_and_member_is_one_of_those_names():
    names = {name for name, _ in wanted()}
    assert {"Settings.binarize", "TLSSettings.pin", "HiveMindBinaryPayloadType.RAW_AUDIO", "Queue.ttl"} <= names


def test_every_settings_field_has_type_and_default(shown):
    home = resolved("hivemind_sdk.settings", "Settings")
    for text in members(home.module, home.node, set()).values():
        if (field := re.match(r"(\w+): (.+?) = (.+)", text)) and "(" not in field[3]:
            section = shown[f"Settings.{field[1]}"]
            assert field[3].strip("'\"") in section, field[1]


def test_no_code_block_is_wider_than_a_narrow_screen(pages):
    wide = {
        f"{name}: {line}"
        for name, page in pages.items()
        for code in page.code
        for line in code.splitlines()
        if len(line) > MAX_WIDTH and not name.startswith(FOR_DEVELOPERS)
    }
    assert not wide, "\n".join(sorted(wide))


def test_a_citation_of_the_protocol_is_a_link(site):
    for path in site.rglob("*.html"):
        assert not re.search(r"wire(-v3)?\.md,? section \d", path.read_text(encoding="utf-8")), path


def test_the_search_works_without_a_server(site):
    index = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))
    words = html.unescape(" ".join(one["text"] for one in index["docs"]))
    assert "RAW_AUDIO" in words
    for page in ("index.html", "how-to/mqtt.html"):
        scripts = re.findall(r'<script src="([^"]+)"', (site / page).read_text(encoding="utf-8"))
        assert [one for one in scripts if "//" in one] == []
        (shim,) = [one for one in scripts if "iframe-worker" in one]
        assert ((site / page).parent / shim).resolve().is_file()


def test_the_page_for_what_is_not_there_leads_somewhere(site):
    links = re.findall(
        r'<li><a href="([^"#]+)"', (site / "404.html").read_text(encoding="utf-8").split("no such page")[1]
    )
    targets = [link.lstrip("/") for link in links]
    assert len(targets) >= 5
    for target in targets:
        assert (site / target).is_file(), target


@pytest.mark.parametrize("page", ["changelog", "contributing", "security-policy", "plugins", "faq"])
def test_the_project_is_on_the_site(site, page):
    assert (site / f"{page}.html").is_file()
