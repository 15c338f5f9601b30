"""`run`: a satellite from a file lives as the file says, is reloaded on its link, and tells systemd."""

from __future__ import annotations

import json
import os
import signal
import socket

import pytest
from cli.run_kit import Reports, Running, write
from cli_kit import KEY, LIMIT, PASSWORD, make_hub, program, run

from hivemind_sdk import BusMessage

READY = "link: READY"


@pytest.fixture
def plain_hub():
    with make_hub("5.3.10a1") as hub:
        yield hub


@pytest.fixture
def reports(home):
    made = Reports(home)
    yield made
    made.close()


def command(reports, on="doorbell", *arguments, **more):
    """The table of a command that reports."""
    keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in more.items())
    return f"\n[[commands]]\non = {json.dumps(on)}\nrun = {json.dumps([*reports.command, *arguments])}\n{keys}"


def only_peer(hub):
    return hub.wait_for(lambda hub: hub.peers, LIMIT)[0]


def ring(hub, on="doorbell", **data):
    only_peer(hub).send_bus(BusMessage(on, data))


def test_it_links_as_the_file_says_and_ends_in_order_on_sigterm(home, plain_hub):
    path = write(home, plain_hub, top='site_id = "attic"\nuseragent = "FromFile"\n')
    with Running(path) as running:
        running.until(READY)
        peer = only_peer(plain_hub)
        assert (peer.site_id, peer.name.partition("::")[0][:8]) == ("attic", "FromFile")
        assert running.stop() == 0
    assert not [line for line in running.told if KEY in line or PASSWORD in line or "Traceback" in line]


def test_a_refusal_ends_it_with_its_exit_code(home, plain_hub):
    path = write(home, plain_hub)
    (home / "password").write_text("another-password-9")
    with Running(path) as running:
        assert running.wait() == 3
        assert "Error: " in running.told[-1]


def test_it_survives_that_the_hub_is_not_there_yet(home):
    with make_hub("5.3.10a1") as hub:
        path, port = write(home, hub, "[backoff]\nfirst = 0.1\ncap = 0.1\n"), hub.port
    with Running(path) as running:
        running.until("BACKOFF")
        with make_hub("5.3.10a1", port):
            running.until(READY)
            assert running.stop() == 0


def test_a_message_runs_a_command_with_what_it_says(home, plain_hub, reports):
    text = command(reports, "doorbell", "--", "{who.name}", "is {n} at {{door}}")
    text += command(reports, "as.json", stdin=True)
    with Running(write(home, plain_hub, text), DOOR="front", HIVEMIND_LANG="de-de") as running:
        running.until(READY)
        ring(plain_hub, who={"name": "$(rm -rf /); -x"}, n=2)
        told = reports.next()
        assert told["arguments"] == ["--", "$(rm -rf /); -x", "is 2 at {door}"]
        assert told["stdin"] == ""
        assert "DOOR" in told["env"]
        assert not [name for name in told["env"] if name.startswith("HIVEMIND_")]
        ring(plain_hub, "as.json", deep={"a": [1, "ü"]})
        told = reports.next()
        assert (told["arguments"], json.loads(told["stdin"])) == ([], {"deep": {"a": [1, "ü"]}})
        assert running.stop() == 0


def test_a_message_that_does_not_fit_runs_nothing(home, plain_hub, reports):
    text = command(reports, "doorbell", "{who}")
    with Running(write(home, plain_hub, text)) as running:
        running.until(READY)
        for data, why in (({}, "has no who"), ({"who": "--help"}, "begins with '-'"), ({"who": "a\0b"}, "NUL")):
            ring(plain_hub, **data)
            running.until(why)
        ring(plain_hub, who="the cat")
        assert reports.next()["arguments"] == ["the cat"]
        assert running.stop() == 0


def test_so_many_run_at_once_and_so_many_wait(home, plain_hub, reports):
    text = command(reports, "doorbell", "wait", "--", "{n}", at_once=2, waiting=1)
    with Running(write(home, plain_hub, text)) as running:
        running.until(READY)
        for n in range(4):
            ring(plain_hub, n=n)
        running.until("2 run, and 1 wait")
        first, second = reports.next(), reports.next()
        os.kill(first["pid"], signal.SIGKILL)
        third = reports.next()
        assert sorted(one["arguments"][-1] for one in (first, second, third)) == ["0", "1", "2"]
        assert running.stop() == 0
    for one in (second, third):  # nothing outlives it
        with pytest.raises(ProcessLookupError):
            os.kill(one["pid"], 0)


def test_one_that_takes_too_long_is_ended_with_what_it_started(home, plain_hub, reports):
    text = command(reports, "doorbell", "wait", timeout=0.5)
    with Running(write(home, plain_hub, text)) as running:
        running.until(READY)
        ring(plain_hub)
        pid = reports.next()["pid"]
        running.until("takes longer than 0.5 s")
        running.until("ended with -15")
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert running.stop() == 0


def test_a_reload_keeps_the_link_for_commands_delivery_and_site(home, plain_hub, reports):
    with Running(write(home, plain_hub, command(reports, "doorbell"))) as running:
        running.until(READY)
        peer = only_peer(plain_hub)
        text = command(reports, "gate") + '[delivery]\n"a.b" = "drop"\n'
        write(home, plain_hub, text, top='site_id = "attic"\n')
        running.signal(signal.SIGHUP)
        running.until("reloaded on the same link: site_id, delivery, commands")
        ring(plain_hub, "doorbell")
        ring(plain_hub, "gate", n=1)
        assert reports.next()["arguments"] == []
        running.signal(signal.SIGHUP)
        running.until("nothing has changed")
        assert plain_hub.peers == [peer]
        assert running.stop() == 0


def test_a_reload_that_changes_the_link_makes_a_new_one(home, plain_hub):
    with Running(write(home, plain_hub)) as running:
        running.until(READY)
        before = only_peer(plain_hub)
        write(home, plain_hub, top='useragent = "Other"\n')
        running.signal(signal.SIGHUP)
        running.until("reloaded with a new link")
        running.until(READY, times=2)
        after = plain_hub.wait_for(lambda hub: [one for one in hub.peers if one is not before], LIMIT)[0]
        assert after.name.startswith("Other")
        assert running.stop() == 0


@pytest.mark.parametrize("text", ["sit_id = 1\n", "[[\n"])
def test_a_reload_of_a_wrong_file_changes_nothing(text, home, plain_hub, reports):
    path = write(home, plain_hub, command(reports))
    with Running(path) as running:
        running.until(READY)
        peer = only_peer(plain_hub)
        path.write_text(text + path.read_text())
        running.signal(signal.SIGHUP)
        running.until("not reloaded")
        ring(plain_hub)
        reports.next()
        assert plain_hub.peers == [peer]
        assert running.stop() == 0


def test_systemd_is_told_of_the_life_of_the_satellite(home, plain_hub):
    path = write(home, plain_hub)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(home / "notify"))
        sock.settimeout(LIMIT)
        told = []

        def until(text):
            told.clear()
            while text not in "\n".join(told):
                told.append(sock.recv(4096).decode())

        with Running(path, NOTIFY_SOCKET=str(home / "notify"), WATCHDOG_USEC="200000") as running:
            until("READY=1")
            until("STATUS=READY")
            for _ in range(3):
                until("WATCHDOG=1")
            running.signal(signal.SIGHUP)
            until("RELOADING=1\nMONOTONIC_USEC=")
            until("READY=1")
            running.signal(signal.SIGTERM)
            until("STOPPING=1")
            assert running.wait() == 0


def test_the_watchdog_of_another_process_is_not_ours(home, plain_hub):
    path = write(home, plain_hub)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(home / "notify"))
        env = {"NOTIFY_SOCKET": str(home / "notify"), "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
        with Running(path, **env) as running:
            running.until(READY)
            assert running.stop() == 0
        sock.setblocking(False)
        told = []
        with pytest.raises(BlockingIOError):
            while True:
                told.append(sock.recv(4096).decode())
    assert "READY=1" in told
    assert "WATCHDOG=1" not in told


def test_the_unit_runs_this_file_and_is_told_by_it(home, plain_hub):
    path = write(home, plain_hub, top="drain = 7.5\n")
    done = program("run", "--systemd", str(path))
    assert done.code == 0
    assert f" run {path}\n" in done.out
    for line in (
        "Type=notify",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "RestartPreventExitStatus=3",
        "TimeoutStopSec=22.5",
    ):
        assert line in done.out.splitlines()
    assert KEY not in done.out


def test_a_file_with_errors_is_not_run_and_all_of_them_are_told(home, plain_hub):
    path = write(home, plain_hub, top="sit_id = 1\nciphers = 1\n")
    done = run("run", str(path))
    assert done.code == 2
    assert f"{path}:1: sit_id" in done.err
    assert f"{path}:2: ciphers" in done.err
