"""What the pages show and no test can run is linted: shell, data files, files of the project, the Dockerfile."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from docs.test_examples import ROOT
from surface.describe import walked

from hivemind_sdk.cli.app import client
from hivemind_sdk.plugins.scaffold import source

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGES = [*ROOT.glob("*.md"), *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("plugins/hivemind-*/README.md"))]
BLOCK = re.compile(
    r"^(?P<marks>(?: *<!-- [^\n]+ -->\n)*)(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
CLIENT = "hivemind-client"
OF_PLUGINS = {"discover", "keyring-migrate", "voice"}
"""commands that plugins of ours add"""
RUN_BY_TESTS = {"python", "console", "text"}
READERS = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}


def blocks() -> Iterator[tuple[str, str, str, str]]:
    """Page and line, language, marks and text of every block."""
    for page in PAGES:
        content = page.read_text(encoding="utf-8")
        for found in BLOCK.finditer(content):
            where = f"{page.relative_to(ROOT)}:{content.count(chr(10), 0, found.start('text'))}"
            text = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
            yield where, found["language"], found["marks"], text


BLOCKS = list(blocks())
SHELL = [(where, text) for where, language, marks, text in BLOCKS if language == "sh" and "<!-- not run" in marks]
COMMANDS = {line for line in walked(CLIENT, client) if line}


def test_every_block_is_run_or_says_why_not():
    known = RUN_BY_TESTS | {"sh", "ini", "dockerfile", *READERS}
    assert {language for _, language, _, _ in BLOCKS} <= known
    on_site = [
        (where, marks) for where, language, marks, _ in BLOCKS if language == "sh" and not where.startswith("plugins/")
    ]
    assert all(re.search(r"<!-- not run(?: here)?: .{8,} -->", marks) or "not run" not in marks for _, marks in on_site)
    unnamed = [where for where, language, _, _ in BLOCKS if not language]
    assert unnamed == []


@pytest.mark.parametrize(("where", "text"), SHELL, ids=[where for where, _ in SHELL])
def test_what_is_not_run_is_good_shell_with_commands_that_exist(where, text):
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, f"{where}: {done.stderr}"
    for line in text.replace("\\\n", " ").splitlines():
        for words in calls(line):
            check_call(words)
        for path in re.findall(r"pip install (plugins/\S+)", line):
            assert (ROOT / path / "pyproject.toml").is_file()


def calls(line: str) -> Iterator[list[str]]:
    """The arguments of each `hivemind-client` in a line of shell."""
    if CLIENT not in line:
        return
    words = shlex.split(line.replace("$(", "").replace(")", ""), comments=True)
    for at, word in enumerate(words):
        if word.rpartition("/")[2] == CLIENT:
            arguments = words[at + 1 :]
            end = next((n for n, one in enumerate(arguments) if one in ("|", "<", ">", "&&", ";")), len(arguments))
            yield arguments[:end]


def check_call(arguments: list[str]) -> None:
    """Each command and each option is one that `hivemind-client` has."""
    path = CLIENT
    for word in arguments:
        if word.startswith("--"):
            name = word.partition("=")[0]
            assert any(line.startswith(f"{path} ") and re.search(rf" {name}\b", line) for line in COMMANDS), arguments
        elif f"{path} {word}" in COMMANDS:
            path = f"{path} {word}"
        elif path == CLIENT and word in OF_PLUGINS:
            return  # its options belong to the plugin
        else:
            assert path != CLIENT or word.startswith(("-", "#")), arguments


@pytest.mark.parametrize("language", READERS)
def test_data_can_be_read(language):
    texts = [(where, text) for where, name, _, text in BLOCKS if name == language]
    assert texts
    for where, text in texts:
        if "..." not in text:
            assert READERS[language](text) is not None, where


def test_a_page_that_shows_a_file_of_the_project_shows_it_as_it_is():
    shown = 0
    for where, _, marks, text in BLOCKS:
        if found := re.search(r"<!-- file: (\S+) -->", marks):
            shown += 1
            assert text == (ROOT / found[1]).read_text(encoding="utf-8"), where
    assert shown >= 3


def test_the_service_is_a_unit_that_names_nothing_twice():
    unit = configparser.RawConfigParser(strict=False, delimiters="=")
    unit.optionxform = str
    unit.read(ROOT / "docs/how-to/satellite.service", encoding="utf-8")
    assert unit.sections() == ["Unit", "Service", "Install"]
    assert unit["Service"]["ExecStart"].startswith("/")
    assert unit["Service"]["RestartPreventExitStatus"] == "3"


def instructions(text: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", text)
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_dockerfile_keeps_the_rules_of_good_images():
    """Linted, since no daemon runs here: known instructions, pinned bases, no root, no cache, exec form, real files."""
    steps = instructions((ROOT / "docs/how-to/container/Dockerfile").read_text(encoding="utf-8"))
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT"}
    assert {word for word, _ in steps} <= known
    stages = [rest.split(" AS ") for word, rest in steps if word == "FROM"]
    assert all(re.fullmatch(r"python:3\.\d+-slim", stage[0]) for stage in stages)
    assert [rest for word, rest in steps if word == "USER"] == ["satellite"]
    assert [word for word, _ in steps].index("USER") < [word for word, _ in steps].index("ENTRYPOINT")
    for word, rest in steps:
        if word == "ENTRYPOINT" or (word == "HEALTHCHECK" and "CMD" in rest):
            assert json.loads(rest[rest.index("[") :])
        if word == "RUN" and "pip install" in rest:
            assert "--no-cache-dir" in rest
        if word == "COPY" and not rest.startswith(("--from", ". ")):
            assert (ROOT / rest.split()[0]).is_file()
        if word == "ENV":
            names = set(re.findall(r"(HIVEMIND_\w+)=", rest))
            assert names <= {"HIVEMIND_IDENTITY", "HIVEMIND_HEALTH_FILE"}
    assert not any(re.search(r"KEY|PASSWORD", rest) for word, rest in steps if word == "ENV")


def test_links_in_the_readme_and_its_neighbours_lead_somewhere():
    for page in ROOT.glob("*.md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_nothing_says_to_install_from_an_index_what_no_index_has():
    """When `PUBLISHED` is switched on, README and tutorial have to say it."""
    names = [f"hivemind-{path.name.removeprefix('hivemind-')}" for path in ROOT.glob("plugins/hivemind-*")]
    wanted = re.compile(rf"pip install (?:--\S+ )*(?:hivemind-satellite-sdk|{'|'.join(names)})\b")
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES if page.name != "release.md"}
    templates = (Path(source.__file__).parent / "templates").rglob("*.in")
    texts |= {path: path.read_text(encoding="utf-8") for path in templates}
    saying = sorted(str(path.relative_to(ROOT)) for path, text in texts.items() if wanted.search(text))
    if source.PUBLISHED:
        assert {"README.md", "docs/tutorial/first-plugin.md"} <= set(saying)
    else:
        assert saying == []


def test_commands_are_known_to_click():
    assert isinstance(client, click.Group)
    assert f"{CLIENT} doctor --utterance text" in COMMANDS
