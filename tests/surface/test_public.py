"""What is public changes only where the changelog says so; and what the docs tell readers to import is public."""

from __future__ import annotations

import re

import pytest
from docs.test_examples import PAGES, ROOT, blocks
from public_kit import imports, is_public
from surface.describe import PROGRAM, RECORD, public_modules, resolved, surface

CHANGELOG = ROOT / "CHANGELOG.md"
ADVICE = """the public surface differs from tests/surface/public.txt, and the topmost section of CHANGELOG.md does
not name (in `backticks`) what has changed. Name it there, with what users have to do about it. What a version may
change, docs/explanation/compatibility.md says. The file itself is rewritten when a version is released:
python tests/surface/describe.py"""


def sections() -> dict[str, tuple[str, str]]:
    """Version -> its date or `unreleased`, and its text; newest first."""
    parts = re.split(r"^## ", CHANGELOG.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    heads = [(*part.partition("\n")[0].split(" - "), part) for part in parts]
    return {version: (date, text) for version, date, text in heads}


def unnamed(before: list[str], after: list[str], changelog: str) -> list[str]:
    """The lines that came or went, and whose names this text does not have in backticks.

    Who names a class or a command that is new, or gone, has named all that is in it.
    """
    said = "\n".join(re.findall(r"`([^`]+)`", changelog))
    kept = {owner(line) for line in {*before} & {*after}}
    return sorted(
        line
        for line in {*before} ^ {*after}
        for wanted in [words(line) if owner(line) in kept else words(line)[:1]]
        if not all(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", said) for word in wanted)
    )


def owner(line: str) -> str:
    """The class, function or command that a line belongs to."""
    where, _, what = line.partition(" ")
    if where == PROGRAM:
        return re.split(r" (?=[^a-z])| exit code", line)[0]
    return f"{where} {re.split(r'[^A-Za-z0-9_]', what)[0]}"


def words(line: str) -> list[str]:
    """What has to be said of a line: the class and its member, the command and its option."""
    where, _, what = line.partition(" ")
    if where == PROGRAM:
        return [owner(line).removeprefix(f"{PROGRAM} "), *re.findall(r" (--[a-z-]+)", line)[:1]]
    return re.findall(r"\w+", re.match(r"[\w.]+", what)[0])


def test_the_changelog_names_whatever_has_changed_since_the_last_release():
    head, *recorded = RECORD.read_text(encoding="utf-8").splitlines()
    versions = sections()
    top, (date, text) = next(iter(versions.items()))
    released = [version for version, (day, _) in versions.items() if day != "unreleased"]
    assert head == f"# {[*released, top][0]}", "a version was released: python tests/surface/describe.py"
    missing = unnamed(recorded, surface(), text if date == "unreleased" else "")
    assert not missing, f"{ADVICE}\n\n" + "\n".join(missing)


SURFACE = [
    "hivemind-client plugins",
    "hivemind-client plugins check",
    "hivemind-client plugins check --all",
    "hivemind_sdk.hooks Plugin.rank: int = 0",
    "hivemind_sdk.hooks Plugin: class()",
    "hivemind_sdk.hooks load(a: int) -> str",
]


@pytest.mark.parametrize(
    ("gone", "come", "said", "enough"),
    [
        ((), (), "", True),
        ((), ("hivemind_sdk.hooks Plugin.codec: str",), "", False),
        ((), ("hivemind_sdk.hooks Plugin.codec: str",), "a codec for every `Plugin`", False),
        ((), ("hivemind_sdk.hooks Plugin.codec: str",), "`Plugin.codecs`", False),
        ((), ("hivemind_sdk.hooks Plugin.codec: str",), "`Plugin.codec`", True),
        ((SURFACE[5],), ("hivemind_sdk.hooks load(b: int) -> str",), "", False),
        ((SURFACE[5],), ("hivemind_sdk.hooks load(b: int) -> str",), "`load` takes `b`", True),
        ((SURFACE[3],), (), "`Plugin`", False),
        ((SURFACE[3], SURFACE[4]), (), "no `Plugin` any more", True),
        ((SURFACE[2],), (), "`plugins check`", False),
        ((SURFACE[2],), (), "`hivemind-client plugins check --all`", True),
        ((SURFACE[1], SURFACE[2]), (), "no `plugins check`", True),
        ((), ("hivemind-client plugins new", "hivemind-client plugins new KIND text"), "`plugins new`", True),
    ],
)
def test_a_change_is_found_unless_it_is_named(gone, come, said, enough):
    after = [*(line for line in SURFACE if line not in gone), *come]
    assert (unnamed(SURFACE, after, said) == []) is enough


READ = [*PAGES, *ROOT.glob("plugins/hivemind-*/README.md")]


def test_the_docs_import_nothing_that_is_private():
    private = []
    for page in READ:
        for _, kind, text in blocks(page):
            for module, name in imports(text) if kind == "python" or kind.endswith(".py") else ():
                if not is_public(module, name):
                    private.append(f"{page.relative_to(ROOT)}: {module} {name}")
                elif f"{module}.{name}" not in public_modules():
                    resolved(module, name)
    assert private == []
