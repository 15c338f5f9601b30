"""Plugins are inspected in processes of their own: whatever they do there, the others and the terminal don't notice."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

import pytest
from plugins.dists import HEAD, PIGEON, ROT13, WAVE, transport

from hivemind_sdk.plugins.entrypoints import DISTRIBUTION
from hivemind_sdk.plugins.inspection import found, inspect_plugins
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.plugins.records import KINDS, PluginState
from hivemind_sdk.settings import PluginSettings

ALL = PluginSettings()
PATIENT = 60.0
"""seconds, for what does not hang"""


def reports(inspected) -> dict[str, tuple[str, str]]:
    return {one.name: (str(one.state), one.reason) for one in inspected.catalogue.reports}


OPTIONS = """
from dataclasses import dataclass, field
@dataclass(frozen=True)
class Options:
    loft: str
    grains: int = 3
    whistle: str = field(default="shrill", repr=False, metadata={"secret": True})
"""


def worlds():
    """What may be installed together: name -> [(distribution, {plugin: source}, settings)]"""
    return {
        "conflict": [("a", {"transport.x": PIGEON}), ("b", {"y": PIGEON + ROT13})],
        "one name": [("a", {"transport.x": PIGEON}), ("b", {"transport.x": PIGEON})],
        "shadowed": [
            (DISTRIBUTION, {"transport.ws": transport("ws")}),
            ("b", {"transport.y": transport("y", "ws", "q")}),
        ],
        "broken": [("a", {"x": "raise ValueError('out of seed')"}), ("b", {"y": ROT13})],
        "incompatible and empty": [("a", {"x": "HIVEMIND_API = 9"}), ("b", {"y": "pass"})],
        "commands": [("a", {"command.wave": WAVE, "wave": WAVE})],
    }


@pytest.mark.parametrize("prefer", [{}, {"transport": ("b",)}], ids=["", "prefer b"])
@pytest.mark.parametrize("world", worlds().values(), ids=worlds())
def test_names_are_settled_as_the_loader_settles_them(world, prefer, dists):
    settings = PluginSettings(prefer=prefer)
    for distribution, plugins in world:
        dists.install(distribution, plugins)
    inspected = inspect_plugins(settings, limit=PATIENT).catalogue
    assert not any(dists.is_imported(*plugin) for plugin in dists.modules)
    loaded = load(settings, kinds=KINDS)
    assert _without_time(inspected.reports) == _without_time(loaded.reports)
    assert inspected.conflicts == loaded.conflicts
    assert inspected.missing() == loaded.missing()


def _without_time(reports):
    return [dataclasses.replace(one, import_seconds=0.0) for one in reports]


def test_options_doc_and_source_come_along_but_no_secret(dists):
    source = PIGEON.replace("create=", "options=Options, help='coo', create=")
    dists.install("post", {"transport.pigeon": OPTIONS + source}, head='"""Pigeons.\n\nMore."""\n' + HEAD)
    inspected = inspect_plugins(ALL, limit=PATIENT)
    facts = inspected.facts["transport.pigeon", "post"]
    assert (facts.doc, Path(facts.file).name) == ("Pigeons.", f"{dists.modules['post', 'transport.pigeon']}.py")
    assert [(one.name, one.type, one.default) for one in facts.options["transport:pigeon"]] == [
        ("loft", "str", ""),
        ("grains", "int", "3"),
        ("whistle", "str", ""),
    ]
    assert [one.required for one in facts.options["transport:pigeon"]] == [True, False, False]
    assert facts.options["transport:pigeon"][1].variables == (
        "HIVEMIND_TRANSPORT_PIGEON_GRAINS",
        "HIVEMIND_PIGEON_GRAINS",
    )
    assert "shrill" not in repr(inspected)
    assert inspected.catalogue.transport("pigeon").help == "coo"


FORK = "import os, time\nif os.fork() == 0:\n    time.sleep(600)\n"
BAD = {
    "exits": ("import os; os._exit(3)", "broken", "it ends the process that imports it (exit code 3)"),
    "exits well": ("import os; os._exit(0)", "broken", "(exit code 0)"),
    "asks to exit": ("import sys; sys.exit('bye')", "broken", "import: SystemExit: bye"),
    "is killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "broken", "(SIGKILL)"),
    "interrupts": ("raise KeyboardInterrupt", "broken", "it ends the process"),
    "closes its files": ("import os; os.closerange(0, 256); os._exit(0)", "broken", "it ends the process"),
    "floods": (
        "import sys, os\nfor _ in range(64): os.write(1, b'x' * 65536); os.write(2, b'x' * 65536); print('y' * 65536)\n"
        + PIGEON,
        "active",
        "",
    ),
    "floods its report": (transport("p" * 2_000_000), "broken", "more than 1000000 bytes"),
    "reads the terminal": ("input()", "broken", "EOFError"),
    "forks": (FORK + PIGEON, "active", ""),
    "goes on in the child": ("import os\nif os.fork(): os._exit(0)\n" + PIGEON, "broken", "it ends the process"),
    "both go on": ("import os\nos.fork()\n" + PIGEON, "active", ""),
    "leaves its group": (
        "import os, time\nif os.fork() == 0:\n    os.setsid(); time.sleep(3)\n    os._exit(0)\n" + PIGEON,
        "active",
        "",
    ),
    "leaves threads": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n" + PIGEON,
        "active",
        "",
    ),
    "hangs at exit": ("import atexit, time\natexit.register(time.sleep, 600)\n" + PIGEON, "active", ""),
    "is a module that is not there": (None, "broken", "No module named 'no_such_module'"),
}


@pytest.mark.parametrize(("source", "state", "reason"), BAD.values(), ids=BAD)
def test_a_plugin_that_does_its_worst_harms_nobody_and_is_reported(source, state, reason, dists, capfd):
    dists.install("good", {"cipher.rot13": ROT13})
    dists.install("bad", {"bad": source} if source else {}, more="" if source else "bad = no_such_module")
    found = reports(inspect_plugins(ALL, limit=PATIENT))
    assert found["bad"][0] == state
    assert reason in found["bad"][1]
    assert found["cipher.rot13"] == ("active", "")
    assert capfd.readouterr() == ("", "")


def test_one_that_hangs_is_ended_with_all_that_it_has_started(dists, tmp_path):
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    source = f"import os, time\nkept = os.open({str(alive)!r}, os.O_WRONLY)\nos.fork()\ntime.sleep(3600)\n"
    dists.install("stuck", {"stuck": source})
    started = time.monotonic()
    found = reports(inspect_plugins(ALL, limit=1.0))
    assert found["stuck"] == ("broken", "it hangs: nothing came within 1 s")
    assert time.monotonic() - started < PATIENT
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""  # comes when nobody has it open any more
    os.close(reader)


def test_its_process_ends_by_itself_where_whoever_asked_was_killed(dists):
    source = "import signal\nleft = signal.getitimer(signal.ITIMER_REAL)[0]\n"
    source += f"raise ValueError(0 < left < {PATIENT + 10} and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL)"
    dists.install("patient", {"patient": source})
    assert reports(inspect_plugins(ALL, limit=PATIENT))["patient"] == ("broken", "import: ValueError: True")


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b'{"records": 7}',
        b'{"import_seconds": 0, "doc": "", "file": "", "records": [], "state": "splendid", "reason": ""}',
        b'{"import_seconds": 0, "doc": "", "file": "", "records": [{"kind": "transport", "fields": {"name": "p"}}]}',
        (
            b'{"import_seconds": 0, "doc": "", "file": "", "records": [{"kind": "transport", "options": [],'
            b' "fields": {"name": "p", "schemes": [7]}}]}'
        ),
        b"[" * 100_000,
    ],
)
def test_a_report_that_is_none_is_not_believed(line, dists):
    forged = f"import os\nfor fd in range(3, 20):\n    try: os.write(fd, {line!r} + b'\\n')\n    except OSError: pass\n"
    dists.install("liar", {"liar": forged + PIGEON})
    assert reports(inspect_plugins(ALL, limit=PATIENT))["liar"] == ("broken", "its process reports what is no report")


def test_what_is_disabled_or_not_wanted_is_not_even_imported_there(dists, tmp_path):
    mark = tmp_path / "imported"
    dists.install("post", {"transport.pigeon": f"open({str(mark)!r}, 'w')"})
    assert reports(inspect_plugins(PluginSettings(disabled=frozenset({"pigeon"}))))["transport.pigeon"][0] == "disabled"
    assert reports(inspect_plugins(ALL, frozenset({"cipher"}))) == {}
    assert [one.state for one in found(ALL)] == [PluginState.FOUND]
    assert not mark.exists()
