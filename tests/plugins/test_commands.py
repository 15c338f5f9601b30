"""`hivemind-client plugins`: it says what is installed whatever that is, and keeps what the user has chosen."""

from __future__ import annotations

import json
import re
import sys

import pytest
from cli_kit import Terminal, program, run
from plugins.dists import PIGEON, ROT13, WAVE, transport
from plugins.test_inspection import OPTIONS

from hivemind_sdk.plugins.records import KINDS
from hivemind_sdk.settings.plugins import config_file, plugin_settings

RAISES = "raise ValueError('out of seed')"
EXITS = "import os; os._exit(3)"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


@pytest.fixture
def pigeons(dists):
    """Two that provide one name, and one that does not."""
    dists.install("pigeon-a", {"transport.pigeon": PIGEON}, version="1.1")
    dists.install("pigeon-b", {"transport.dove": PIGEON}, version="2.2")
    dists.install("zoo", {"cipher.rot13": ROT13})
    return dists


def states():
    return {one["name"]: one["state"] for one in run("plugins", "list", "--json").json["plugins"]}


# --- list ---


def test_every_plugin_is_listed_with_its_state_and_the_reason_whatever_it_does(dists):
    dists.install("bad-a", {"a": RAISES, "b": EXITS, "d": "import time; time.sleep(1.1)\n" + ROT13})
    dists.install("bad-b", {"command.wave": WAVE, "command.shout": EXITS}, more="e = no_such_module")
    done = run("plugins")
    assert (done.code, done.err) == (0, "")
    for text in (
        r"broken +a +bad-a 1\.0\n +import: ValueError: out of seed\n",
        r"broken +b +bad-a 1\.0\n +it ends the process that imports it \(exit code 3\)\n",
        r"active +d +bad-a 1\.0\n +cipher rot13\n +slow: importing it takes [1-9]\.\d s\n",
        r"broken +e +bad-b 1\.0\n +import: ModuleNotFoundError: .*no_such_module",
        r"active +command\.wave +bad-b 1\.0\n +command wave\n",
        r"broken +command\.shout .*\n +command\n +it ends the process",
        r"6 plugins: 4 broken, 2 active\n",
    ):
        assert re.search(text, done.out), done.out
    assert run("plugins", "list", "--json").json["missing"]


def test_one_that_hangs_is_said_to_hang(dists):
    dists.install("stuck", {"stuck": "import time; time.sleep(3600)"})
    (found,) = run("plugins", "--timeout", "0.5", "--json").json["plugins"]
    assert (found["state"], found["reason"]) == ("broken", "it hangs: nothing came within 0.5 s")


def test_a_setting_that_names_no_plugin_is_told(dists, monkeypatch):
    dists.install("post", {"transport.pigeon": ROT13})
    monkeypatch.setenv("HIVEMIND_PLUGINS_DISABLED", "pigeon,handshake.noise")
    done = run("plugins", "--no-load")
    assert "warning: the settings name 'handshake.noise', and no such plugin is installed" in done.out
    assert run("plugins", "--no-load", "--json").json["unknown"] == ["handshake.noise"]


def test_without_loading_nothing_is_imported_not_even_elsewhere(dists, tmp_path):
    dists.install("post", {"transport.pigeon": f"open({str(tmp_path / 'mark')!r}, 'w')", "cipher.x": RAISES})
    dists.install("other", {"cipher.x": RAISES})
    told = run("plugins", "list", "--no-load", "--json").json
    assert {(one["name"], one["provider"], one["state"]) for one in told["plugins"]} == {
        ("transport.pigeon", "post", "found"),
        ("cipher.x", "post", "conflict"),
        ("cipher.x", "other", "conflict"),
    }
    assert told["missing"] is None
    assert not (tmp_path / "mark").exists()


def test_what_a_plugin_says_of_itself_does_not_reach_the_terminal_raw(dists):
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m"
    source = f"raise ValueError({evil!r})"
    dists.install("bad", {"bad": source, "named": transport(f"x{evil}"), "doc": f"'''{evil}'''\n" + ROT13})
    for done in (run("plugins"), run("plugins", "--json"), *(run("plugins", "show", one) for one in ("bad", "named"))):
        assert done.code == 0
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.out)
    dists.install("worse", {}, more="command.\x1b[31mred = x\n\x1b[2Jplugin = x")
    for done in (run("plugins"), run("--help"), run("plugins", "show", "\x1b[2Jplugni")):
        assert "\x1b" not in done.out + done.err


def test_no_line_is_wider_than_the_terminal_that_it_is_for(beside_ours, monkeypatch):
    beside_ours.install("pigeon-a", {"transport.pigeon": PIGEON})
    beside_ours.install("pigeon-b", {"transport.dove": PIGEON})
    with Terminal("plugins", COLUMNS="80", PYTHONPATH=":".join(sys.path)) as terminal:
        assert terminal.end() == 0
    shown = re.sub(r"\x1b\[[0-9;]*m", "", terminal.shown).splitlines()
    assert any("pigeon-a" in line for line in shown)
    assert max(map(len, shown)) <= 80


# --- enable, disable, prefer ---


def test_two_of_one_name_stay_out_until_one_is_preferred(pigeons):
    before = run("plugins", "list", "--json").json["plugins"]
    rivals = [one for one in before if one["state"] == "conflict"]
    assert len(rivals) == 2
    for one in rivals:
        assert "pigeon-a 1.1" in one["reason"]
        assert "pigeon-b 2.2" in one["reason"]
        assert "hivemind-client plugins prefer transport:pigeon pigeon-a" in one["reason"]
    done = run("plugins", "prefer", "transport:pigeon", "Pigeon_B")
    assert (done.code, done.err) == (0, "")
    assert "HIVEMIND_PLUGINS_PREFER=transport:pigeon=Pigeon_B" in done.out
    assert states() == {"transport.pigeon": "shadowed", "transport.dove": "active", "cipher.rot13": "active"}
    assert run("plugins", "prefer", "transport:pigeon", "--forget").code == 0
    assert states()["transport.dove"] == "conflict"
    assert run("plugins", "prefer", "transport:pigeon", "--forget").code == 2


def test_several_may_be_preferred_best_first(pigeons):
    assert run("plugins", "prefer", "transport", "pigeon-b", "transport.pigeon").code == 0
    assert plugin_settings().prefer == {"transport": ("pigeon-b", "transport.pigeon")}


@pytest.mark.parametrize("name", ["transport.pigeon", "pigeon"])
def test_what_is_disabled_stays_out_until_it_is_enabled(name, pigeons):
    done = run("plugins", "disable", name)
    assert (done.code, done.err) == (0, "")
    assert "HIVEMIND_PLUGINS_DISABLED=transport.pigeon" in done.out
    assert plugin_settings().disabled == {"transport.pigeon"}
    assert states() == {"transport.pigeon": "disabled", "transport.dove": "active", "cipher.rot13": "active"}
    assert run("plugins", "show", name).code == 0
    assert run("plugins", "enable", name).code == 0
    assert plugin_settings().disabled == frozenset()


def test_enabling_adds_to_the_only_ones_that_may_load(pigeons):
    write({"plugins": {"only": ["cipher.rot13"], "disabled": ["pigeon"]}})
    assert "HIVEMIND_PLUGINS_ONLY=cipher.rot13,transport.pigeon" in run("plugins", "enable", "transport.pigeon").out
    assert read() == {"plugins": {"only": ["cipher.rot13", "transport.pigeon"]}}


def test_what_was_uninstalled_can_be_enabled(dists):
    write({"plugins": {"disabled": ["gone"]}})
    assert run("plugins", "enable", "gone").code == 0
    assert read() == {"plugins": {}}


def write(content):
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text(content if isinstance(content, str) else json.dumps(content))


def read():
    return json.loads(config_file().read_text())


def test_what_else_the_file_holds_is_kept(pigeons):
    content = {"plugins": {"options": {"mesh": {"timeout": 3}}, "prefer": {"cipher": ["z"]}}, "ours": [1, "ü"]}
    write(content)
    assert run("plugins", "disable", "rot13").code == 0
    content["plugins"]["disabled"] = ["cipher.rot13"]
    assert read() == content
    assert {one.name for one in config_file().parent.iterdir()} == {"sdk.json", ".sdk.json.lock"}


@pytest.mark.parametrize("content", ["{", "[]", '{"plugins": {"disabled": 7}}'])
def test_a_file_that_can_not_be_read_stays_as_it_is(content, pigeons):
    write(content)
    done = run("plugins", "disable", "rot13")
    assert done.code == 2
    assert str(config_file()) in done.err
    assert config_file().read_text() == content


@pytest.mark.parametrize(
    ("variable", "value", "arguments"),
    [
        ("HIVEMIND_PLUGINS_DISABLED", "", ("disable", "rot13")),
        ("HIVEMIND_PLUGINS_DISABLED", "cipher.rot13", ("enable", "rot13")),
        ("HIVEMIND_PLUGINS_PREFER", "transport=pigeon-a", ("prefer", "transport", "pigeon-b")),
    ],
)
def test_it_is_said_when_the_environment_counts_more(variable, value, arguments, pigeons, monkeypatch):
    monkeypatch.setenv(variable, value)
    done = run("plugins", *arguments)
    assert done.code == 0
    assert f"Warning: {variable} is set in the environment" in done.err
    assert run("plugins", *arguments, "--json").json["overruled_by"] == variable


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("disable", "transport.pidgeon"), "did you mean transport.pigeon"),
        (("enable", "rot31"), "did you mean cipher.rot13"),
        (("show", "dov"), "did you mean transport.dove"),
        (("disable", "zzz"), "there is: cipher.rot13, transport.dove, transport.pigeon"),
        (("prefer", "transprot:pigeon", "pigeon-b"), "did you mean transport?"),
        (("prefer", "transport:pidgeon", "pigeon-b"), "did you mean pigeon?"),
        (("prefer", "transport:pigeon", "pigeon-c"), "did you mean pigeon-b or pigeon-a"),
        (("prefer", "transport:pigeon", "zoo"), "no provider of transport:pigeon 'zoo'"),
        (("prefer", "transport"), "give either a PROVIDER or --forget"),
        (("lst",), "No such command 'lst'"),
    ],
)
def test_a_name_that_there_is_not_is_told_with_those_that_come_near(arguments, said, pigeons):
    done = run("plugins", *arguments)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert said in line
    assert not config_file().exists()


# --- show, hooks ---


def test_show_tells_all_that_one_needs_to_use_a_plugin(dists):
    source = PIGEON.replace("create=", "options=Options, help='by air', rank=3, ports={'pigeon': 7000}, create=")
    dists.install("post", {"transport.pigeon": OPTIONS + source}, version="2.5")
    shown = run("plugins", "show", "pigeon").out
    for text in (
        r"^plugin +transport\.pigeon$",
        r"^provided by +post 2\.5$",
        r"^state +active$",
        rf"^module +{dists.modules['post', 'transport.pigeon']}, /.*\.py$",
        r"^import +\d+ ms$",
        r"^transport +pigeon: by air\n +schemes pigeon; ports pigeon: 7000; network True; rank 3$",
        r"^  option +loft: str, required$",
        r"^  option +grains: int, default 3\n +\$HIVEMIND_PIGEON_GRAINS$",
        r"^  option +whistle: str, secret$",
    ):
        assert re.search(text, shown, re.MULTILINE), shown
    assert "shrill" not in shown + run("plugins", "show", "pigeon", "--json").out
    (told,) = run("plugins", "show", "pigeon", "--json").json
    assert told["records"][0]["options"][0]["required"]


def test_show_tells_of_all_who_have_the_name(dists):
    dists.install("a", {"x": RAISES})
    dists.install("b", {"x": ROT13})
    assert [one["provider"] for one in run("plugins", "show", "x", "--json").json] == ["a", "b"]


def test_the_hooks_are_those_of_the_code():
    hooks = run("plugins", "hooks", "--json").json
    assert [one["kind"] for one in hooks] == list(KINDS)
    for one in hooks:
        assert one["doc"]
        assert one["record_doc"]
        assert {"name", "rank", "options", "help", "create"} <= {field["name"] for field in one["fields"]}
    text = run("plugins", "hooks").out
    assert "hivemind_transports -> TransportPlugin\n    Ways to carry frames to a hub." in text
    assert "schemes: tuple[str, ...]\n" in text


# --- what is not used is not imported ---


def test_help_and_completion_import_no_plugin(dists, tmp_path):
    mark = tmp_path / "imported"
    trap = f"open({str(mark)!r}, 'w').close()\n{EXITS}"
    dists.install("traps", {"bare": trap, **{f"{kind}.trap": trap for kind in KINDS}})
    path = ":".join(sys.path)
    for arguments in (("--help",), ("--version",), ("plugins", "--help"), ("plugins", "hooks"), ("terminal", "--help")):
        assert program(*arguments, PYTHONPATH=path).code == 0, arguments
    assert not mark.exists()


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        (("known-servers",), set()),
        (("trust", "list"), set()),
        (("set-identity", "--key", "k"), {"primitive"}),
        (("test-identity", "--host", "ws://127.0.0.1", "--port", "1", "--key", "k"), {*KINDS} - {"command"}),
    ],
)
def test_a_command_imports_only_the_kinds_that_it_needs(arguments, kinds, beside_ours):
    beside_ours.install("ours", {f"{kind}.own": "" for kind in KINDS})
    assert run(*arguments).code in (0, 4)
    imported = {kind for kind in KINDS if beside_ours.is_imported("ours", f"{kind}.own")}
    assert imported <= kinds
    assert bool(imported) == bool(kinds), "of identities the one is imported that is asked for"
