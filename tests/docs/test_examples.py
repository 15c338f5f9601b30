"""Every example in the README and in docs/ runs and does what the page says.

What a page holds, in order, all in one namespace and with a home of its own:

    ```python          is executed
    ```console         `$ command` is run; the lines below are what it prints (`...`: anything, in a line or for lines)
    <!-- prints -->    the ```text block that follows is what the ```python block before it printed
    ```sh              is run by bash, and must end well
    <!-- save: FILE -->    the block that follows is what the reader puts into this file
    <!-- file: FILE -->    the block that follows is this file of the project (test_blocks.py)
    <!-- not run: WHY -->  the block that follows can't be run here; test_blocks.py lints it

Any other block (```text, ```toml) only shows something. `<!-- hub -->` anywhere on a page starts an embedded hub
for it, with the key and the password below; 5678, in what is run, stands for its port. `<!-- hub: PROFILE -->` starts
one that is like a certain server. `<!-- files: FOLDER -->` copies these files of the project to where the commands run.
`<!-- clone: FOLDER -->` puts this project there.
`$ cd FOLDER` is understood. `$ python -m venv FOLDER` makes an environment where the SDK can be installed without a
network, and is: it comes from our wheel.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from cli_kit import run
from wheel_kit import Environment, build

ROOT = Path(__file__).parent.parent.parent
KEY, PASSWORD, PORT = "kitchen-key", "correct-horse-battery-9", "5678"
TODAYS = "5.3.10a1"
"""the server that a hub on a page is like, unless the page says otherwise"""
BLOCK = re.compile(
    r"^(?P<prints><!-- prints -->\n)?(?:<!-- save: (?P<save>\S+) -->\n)?(?P<shown><!-- (?:not run|file)[^\n]*-->\n)?"
    r"```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
HUB = re.compile(r"<!-- hub(?:: (?P<profile>\S+))? -->")
FILES = re.compile(r"<!-- files: (\S+) -->")
CLONE = re.compile(r"<!-- clone: (\S+) -->")
RUN = ("python", "console", "sh")


def blocks(page: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, kind (`python`, `console`, `prints`, `save FILE`) and text of what a page wants done."""
    content = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(content):
        kind = "prints" if block["prints"] else f"save {block['save']}" if block["save"] else block["language"]
        if not block["shown"] and (kind in (*RUN, "prints") or block["save"]):
            yield content.count("\n", 0, block.start("text")), kind, block["text"]


PAGES = [page for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))) if any(blocks(page))]


def matches(wanted: str, got: str) -> bool:
    """Whether this is the output that a page shows; it may show only the beginning of it."""
    pattern = re.escape(wanted.strip()).replace(r"\.\.\.", ".*")
    return re.match(pattern, got.strip(), re.DOTALL) is not None


class Reader:
    """Does what a reader of one page would do."""

    def __init__(self, page: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.page = page
        self.folder = folder
        self.capsys = capsys
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.port = PORT
        self.printed = ""
        self.environments: dict[Path, Environment] = {}

    def do(self, line: int, kind: str, text: str) -> None:
        action, _, argument = kind.partition(" ")
        if action == "save":
            (self.folder / argument).write_text(text, encoding="utf-8")
        else:
            getattr(self, action)(line, text)

    def python(self, line: int, text: str) -> None:
        code = compile("\n" * line + text.replace(PORT, self.port), str(self.page), "exec")
        self.capsys.readouterr()
        exec(code, self.namespace)
        self.printed = self.capsys.readouterr().out

    def prints(self, line: int, text: str) -> None:
        assert matches(text, self.printed), f"{self.page}:{line} prints\n{self.printed}\ninstead of\n{text}"

    def console(self, line: int, text: str) -> None:
        for part in re.split(r"^\$ ", text.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
            command, _, wanted = part.partition("\n")
            got = self.output(*shlex.split(command.replace(PORT, self.port)))
            assert matches(wanted, got), f"{self.page}:{line} $ {command}\n{got}\ninstead of\n{wanted}"

    def sh(self, line: int, text: str) -> None:
        """As a reader's shell does; the commands of this interpreter come first."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        command = ["bash", "-euo", "pipefail", "-c", text.replace(PORT, self.port)]
        done = subprocess.run(
            command, cwd=self.folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{self.page}:{line}\n{done.stdout}{done.stderr}"

    def output(self, tool: str, *arguments: str) -> str:
        if tool == "hivemind-client":  # in this process: starting one takes longer than what most commands do
            done = run(*arguments)
            return done.out + done.err
        if tool == "cd":
            self.folder = self.folder / arguments[0]
            return ""
        if (tool, *arguments[:-1]) == ("python", "-m", "venv"):
            return self.make_environment((self.folder / arguments[-1]).resolve())
        for folder, environment in self.environments.items():
            if (self.folder / tool).parent.resolve() == folder:
                if arguments[-2:] == ("--upgrade", "pip"):
                    return ""  # there is no index here, and pip is the one of this interpreter
                done = environment.run(Path(tool).name, *arguments, cwd=self.folder)
                return done.stdout + done.stderr
        if (Path(sys.executable).parent / tool).exists():
            tool = str(Path(sys.executable).parent / tool)
        process = subprocess.run([tool, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=60)
        return process.stdout + process.stderr

    def make_environment(self, folder: Path) -> str:
        environment = self.environments[folder / "bin"] = Environment(folder)
        environment.install(self.wheel)
        return ""

    @cached_property
    def wheel(self) -> Path:
        folder = self.folder / "our-wheel"
        folder.mkdir()
        return build(folder)


@contextmanager
def logging_as_it_was():
    """Pages say how to see the log; the tests that come next need not see it."""
    loggers = [logging.getLogger(), logging.getLogger("hivemind_sdk")]
    kept = [(one, one.level, list(one.handlers)) for one in loggers]
    yield
    for one, level, handlers in kept:
        one.setLevel(level)
        one.handlers[:] = handlers


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_this_page_do_what_it_says(page, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    reader = Reader(page, tmp_path, capsys)
    content = page.read_text(encoding="utf-8")
    for folder in FILES.findall(content):
        shutil.copytree(ROOT / folder, tmp_path, dirs_exist_ok=True)
    for folder in CLONE.findall(content):
        (tmp_path / folder).symlink_to(ROOT, target_is_directory=True)
    with ExitStack() as stack:
        stack.enter_context(logging_as_it_was())
        if wanted := HUB.search(content):
            from hivemind_sdk.testing import Hub, HubClient

            clients = [HubClient(key=KEY, password=PASSWORD)]
            hub = stack.enter_context(Hub(clients, wanted["profile"] or TODAYS))
            reader.port = str(hub.start().port)
        for line, kind, text in blocks(page):
            reader.do(line, kind, text)
