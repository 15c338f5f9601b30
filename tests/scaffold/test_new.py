"""`plugins new`: what it makes, what it refuses, and that a refusal changes nothing."""

from __future__ import annotations

import ast
import json
import re
from importlib import metadata
from pathlib import Path

import pytest
from cli_kit import run
from hypothesis import given
from hypothesis import strategies as st
from public_kit import not_public

from hivemind_sdk.errors import SettingsError
from hivemind_sdk.plugins import scaffold
from hivemind_sdk.plugins.records import KINDS
from hivemind_sdk.plugins.scaffold import contents, create, named, plugin_kind, sdk_source, source

ROOT = Path(__file__).parent.parent.parent


def range_of(folder: Path) -> str:
    """The versions of the SDK that a distribution asks for."""
    (stated,) = re.findall(r'^ +"(hivemind-satellite-sdk\S*)",$', (folder / "pyproject.toml").read_text(), re.MULTILINE)
    return stated


def new(*arguments: str):
    return run("plugins", "new", *arguments)


def test_there_is_a_skeleton_of_each_kind():
    assert set(scaffold.KINDS) == {*KINDS, "satellite"}
    folders = {folder.name for folder in Path(scaffold.__file__).parent.glob("templates/*")}
    assert folders == {*scaffold.KINDS, "common"}


@pytest.mark.parametrize("kind", scaffold.KINDS)
def test_what_is_made_is_a_whole_distribution_of_public_parts_alone(kind, tmp_path):
    done = new(kind, "hivemind-pigeon", "--into", str(tmp_path), "--json")
    assert done.code == 0, done.err
    made, folder = done.json, tmp_path / "hivemind-pigeon"
    assert (made["folder"], made["plugin"], made["module"]) == (
        str(folder),
        f"{plugin_kind(kind)}.pigeon",
        "hivemind_pigeon",
    )
    assert made["next"][0] == f"cd {folder}"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == set(made["files"])
    assert files >= {
        ".github/workflows/tests.yml",
        ".gitignore",
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "src/hivemind_pigeon/__init__.py",
        "src/hivemind_pigeon/py.typed",
        "tox.ini",
    }
    for path in files:
        text = (folder / path).read_text(encoding="utf-8")
        assert not re.search("@[A-Z]+@", path + text)
        assert path.endswith("py.typed") or text.endswith("\n")
    assert not_public(folder) == []
    assert range_of(folder) == range_of(ROOT / "plugins/hivemind-http")


def test_it_says_what_was_made_and_what_to_do_next(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = new("observer", "My_Counter")
    assert (done.code, done.err) == (0, "")
    first, *files = done.out.splitlines()
    assert first == "made My_Counter: the observer 'my-counter', in 10 files"
    assert "  src/my_counter/__init__.py" in files
    assert files[-5:] == [
        "next:",
        "  cd My_Counter",
        "  python -m pip install --upgrade pip",
        "  python -m pip install -e . --group dev",
        "  pytest",
    ]
    assert 'name = "My_Counter"' in Path("My_Counter/pyproject.toml").read_text()


def test_the_sdk_comes_from_where_the_author_says(tmp_path):
    clone = tmp_path / "a clone"
    clone.mkdir()
    assert new("handler", "hivemind-pigeon", "--into", str(tmp_path), "--sdk", str(clone), "--json").json["sdk"] == str(
        clone
    )
    readme, tox = (tmp_path / "hivemind-pigeon" / name for name in ("README.md", "tox.ini"))
    assert f"python -m pip install '{clone}'\npython -m pip install .\n" in readme.read_text()
    assert f"deps = {{env:HIVEMIND_SDK:{clone}}}\n" in tox.read_text()


class Recorded:
    """An installed distribution, of which pip has recorded where it came from."""

    def __init__(self, recorded):
        self.recorded = recorded

    def read_text(self, name):
        return json.dumps(self.recorded) if name == "direct_url.json" else None


@pytest.mark.parametrize(("published", "wanted"), [(True, None), (False, "https://example.org/sdk.whl")])
def test_without_a_word_it_comes_from_the_index_once_that_has_it(published, wanted, monkeypatch):
    recorded = {"url": "https://example.org/sdk.whl", "archive_info": {}}
    monkeypatch.setattr(metadata, "distribution", lambda _: Recorded(recorded))
    monkeypatch.setattr(source, "PUBLISHED", published)
    assert sdk_source(None) == wanted
    assert sdk_source("git+https://example.org/sdk") == "git+https://example.org/sdk"


def test_a_commit_that_was_installed_is_named_whole(monkeypatch):
    recorded = {"url": "https://example.org/sdk", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    monkeypatch.setattr(metadata, "distribution", lambda _: Recorded(recorded))
    monkeypatch.setattr(source, "PUBLISHED", False)
    assert sdk_source(None) == "git+https://example.org/sdk@abc"


def test_a_source_that_is_not_there_is_an_error_before_anything_is_made(tmp_path):
    done = new("handler", "hivemind-pigeon", "--into", str(tmp_path), "--sdk", str(tmp_path / "clone"))
    assert done.code == 2
    assert "there is no file or folder" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("transport", "hivemind-websocket", "'websocket' is the name of a plugin that there is"),
        ("transport", "wss", "'wss' is the name of a plugin that there is"),
        ("cipher", "aes-gcm", "'aes-gcm' is the name of a plugin that there is"),
        ("handler", "hivemind-mesh", "'mesh' is the name of a plugin that there is"),
        ("identity", "file", "'file' is the name of a plugin that there is"),
        ("command", "demo", "'demo' is the name of a plugin that there is"),
        ("command", "json", "there is a module json already"),
        ("command", "hivemind_sdk", "there is a module hivemind_sdk already"),
        ("command", "class", "Python does not take it"),
        ("command", "hivemind-3d", "Python does not take it"),
        ("command", "../up", "'../up' can't name a plugin"),
        ("command", "é", "can't name a plugin"),
        ("command", "", "can't name a plugin"),
        ("command", "a" * 41, "can't name a plugin"),
        ("pigeon", "x", "'pigeon' is not one of 'transport'"),
    ],
)
def test_a_name_that_would_not_work_is_refused_with_the_reason(kind, name, reason, tmp_path):
    done = new(kind, name, "--into", str(tmp_path))
    assert done.code == 2
    assert done.out == ""
    assert reason in done.err
    assert len(done.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@given(name=st.text(st.sampled_from("aZ9-_. é\n/"), max_size=12) | st.text(max_size=12))
def test_whatever_is_taken_for_a_name_is_one_everywhere(name):
    try:
        names = named(name)
    except SettingsError:
        return
    assert names.module.isidentifier()
    assert names.distribution == name
    assert re.fullmatch("[a-z][a-z0-9]*(-[a-z0-9]+)*", names.plugin)
    for path, text in contents("transport", names).items():
        assert ".." not in path
        if path.endswith(".py"):
            ast.parse(text)


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path):
    mine = tmp_path / "pigeon" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    done = new("transport", "pigeon", "--into", str(tmp_path), "--json")
    assert done.code == 2
    assert "is not empty" in done.err
    assert done.json["error"]["type"] == "SettingsError"
    assert [path.name for path in mine.parent.iterdir()] == ["mine.txt"]
    mine.unlink()
    assert new("transport", "pigeon", "--into", str(tmp_path)).code == 0


def test_a_disk_that_is_full_leaves_nothing_behind(tmp_path, monkeypatch):
    written = []

    def write_text(path, text, encoding):
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        path.write_bytes(text.encode(encoding))

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(OSError, match="No space left"):
        create("handler", named("pigeon"), tmp_path / "pigeon")
    assert list(tmp_path.iterdir()) == []
