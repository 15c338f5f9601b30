"""What starting costs, and the commands of plugins: listed without being imported, and harmless to each other."""

from __future__ import annotations

import json
import subprocess
import sys
from textwrap import dedent

import pytest
from cli_kit import LIMIT, program, run

MODULES = """
import sys, json
sys.argv[1:] = {arguments!r}
try:
    from hivemind_sdk.cli import main
    main()
except SystemExit:
    print()
    print(json.dumps(sorted(sys.modules)))
"""
CLICK = "import sys, json, click.shell_completion; print(json.dumps(sorted(sys.modules)))"
OURS = {
    *("hivemind_sdk", "hivemind_sdk._startup", "hivemind_sdk._version", "hivemind_sdk.errors", "hivemind_sdk.cli"),
    *(f"hivemind_sdk.cli.{name}" for name in ("app", "console", "failures", "interrupts", "third_party")),
    *("hivemind_sdk.sockets", "hivemind_sdk.sockets.daemons"),  # of the thread that sees to Ctrl-C; no socket, no TLS
}
COSTLY = {
    *("asyncio", "Crypto", "importlib.metadata", "importlib_metadata", "logging", "ovos_bus_client", "pathlib"),
    *("pluggy", "socket", "ssl", "websocket", "websockets"),
}


def modules(code, stdin=""):
    done = subprocess.run(
        [sys.executable, "-c", code], input=stdin, capture_output=True, text=True, timeout=LIMIT, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_imports_nothing_but_click_and_small_modules_of_ours(arguments):
    loaded = modules(MODULES.format(arguments=arguments))
    assert {name for name in loaded if name.startswith("hivemind")} == OURS
    assert (loaded - modules(CLICK)) & COSTLY == set()


def test_no_command_of_ours_loads_ovos(hub3):
    for arguments in (["test-identity"], ["query", "--utterance", "hello"], ["terminal"], ["known-servers"]):
        loaded = {name.partition(".")[0] for name in modules(MODULES.format(arguments=arguments))}
        assert loaded & {"ovos_bus_client", "ovos_utils", "ovos_config", "asyncio"} == set(), arguments


HEAD = "import click\nfrom hivemind_sdk.hooks import CommandPlugin, hookimpl\nHIVEMIND_API = 1\n"
HOOK = "@hookimpl\ndef hivemind_commands(): return [CommandPlugin(name={name!r}, create=create)]\n"
GOOD = "@click.command()\n@click.pass_obj\ndef wave(app): click.echo(f'o/ {app}')\ndef create(): return wave\n"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """install(distribution, {command: source of its module})"""
    path = []

    def install(distribution, commands):
        folder = tmp_path / distribution
        info = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = ["[console_scripts]", "x = y:z", "", "[hivemind_sdk]"]
        for name, source in commands.items():
            module = f"{distribution}_{name}".replace("-", "_")
            (folder / f"{module}.py").write_text(HEAD + dedent(source) + HOOK.format(name=name))
            lines.append(f"command.{name} = {module}")
        (info / "entry_points.txt").write_text("\n".join([*lines, "", "[other]", "command.not-ours = x"]))
        path.append(str(folder))
        monkeypatch.setenv("PYTHONPATH", ":".join(path))

    return install


def test_a_command_of_a_plugin_is_listed_and_run(install):
    install("wave-kit", {"wave": GOOD})
    listed = program("--help").out
    assert "  wave           (of the plugin wave-kit)\n" in listed
    assert "not-ours" not in listed
    assert program("--app", "radio", "wave").out == "o/ radio\n"
    assert program("wave", "--help").code == 0


@pytest.mark.parametrize(
    "bad",
    [
        "raise RuntimeError('boom')\n",
        "import sys; sys.exit(0)\n",
        "import time; time.sleep(3600)\n",
        "def create(): raise RuntimeError('boom')\n",
        "def create(): return 'no command'\n",
        "create = None\nHIVEMIND_API = 99\n",
    ],
)
def test_a_bad_command_harms_none_but_itself(bad, install):
    install("bad-kit", {"bad": bad})
    install("wave-kit", {"wave": GOOD})
    assert "  bad " in program("--help").out
    assert program("wave").out == "o/ None\n"
    if "sleep" not in bad:
        done = program("bad")
        assert done.code == 2
        (line,) = done.err.splitlines()
        assert line.startswith("Error: ")
        assert "bad" in line


def test_a_command_that_raises_ends_in_a_line(install):
    install("bad-kit", {"bad": "@click.command()\ndef bad(): raise RuntimeError('boom')\ndef create(): return bad\n"})
    done = program("bad")
    assert (done.code, done.err) == (
        1,
        "Error: RuntimeError: boom (this is a bug; `hivemind-client -v ...` shows where)\n",
    )


def test_two_plugins_with_one_command_are_both_named_and_neither_runs(install):
    install("wave-kit", {"wave": GOOD})
    install("other-kit", {"wave": GOOD})
    listed = program("--help").out
    assert "other-kit, wave-kit" in listed or "wave-kit, other-kit" in listed
    done = program("wave")
    assert done.code == 2
    assert "wave-kit" in done.err
    assert "other-kit" in done.err


def test_a_disabled_command_is_not_listed_and_does_not_run(install, monkeypatch):
    install("wave-kit", {"wave": GOOD})
    for name, value in (("DISABLED", "wave"), ("DISABLED", "command.wave"), ("ONLY", "noise")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(f"HIVEMIND_PLUGINS_{name}", value)
            assert "wave" not in program("--help").out
            assert program("wave").code == 2


def test_a_built_in_keeps_its_name(install):
    install("bad-kit", {"demo": "raise RuntimeError('boom')\n"})
    assert "bad-kit" not in program("--help").out
    assert "hub" in program("demo", "--help").out


def test_completion_imports_no_command(install):
    install("bad-kit", {"test-bad": "raise RuntimeError('boom')\n"})
    done = program(_HIVEMIND_CLIENT_COMPLETE="bash_complete", COMP_WORDS="hivemind-client test", COMP_CWORD="1")
    assert done.out.split() == ["plain,test-identity", "plain,test-bad"]


def test_an_unknown_command_is_told_from_a_broken_one():
    done = run("tset-identity")
    assert done.code == 2
    assert "No such command 'tset-identity'. Did you mean set-identity or test-identity?" in done.err
