"""Ctrl-C ends a command at once with 130, and shows no traceback, wherever it hits."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager

import click
import pytest
from cli_kit import LIMIT

from hivemind_sdk.cli import failures
from hivemind_sdk.cli.interrupts import interrupted

if sys.platform == "win32":
    pytest.skip("signals between threads", allow_module_level=True)

MISSED = f"""
import signal, threading
from hivemind_sdk.cli.interrupts import noticed
def miss(): # handled in this thread, as one is that comes a moment before the main thread blocks: nothing wakes that
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
with noticed():
    threading.Timer(0.1, miss).start()
    try:
        threading.Event().wait({LIMIT})
        print("missed")
    except KeyboardInterrupt:
        print("noticed")
"""
IN_A_FINALISER = f"""
import signal, threading
from hivemind_sdk.cli.interrupts import noticed
class Dies:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
with noticed():
    try:
        Dies()
        threading.Event().wait({LIMIT})
        print("dropped")
    except KeyboardInterrupt:
        print("noticed")
"""
ENDING = """
import sys, threading
from hivemind_sdk.cli import main
def work():
    threading.main_thread().join()
    print("ending", flush=True)
    threading.Event().wait()
threading.Thread(target=work).start()
sys.argv[1:] = ["--version"]
main()
"""
AT_THE_LAST = """
import atexit, os, signal, sys
atexit.register(os.kill, os.getpid(), signal.SIGINT)
from hivemind_sdk.cli import main
class Late:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGINT): kill(pid, number)
sys.late = Late()
sys.argv[1:] = ["--version"]
main()
"""


@contextmanager
def python(code):
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("code", [MISSED, IN_A_FINALISER], ids=["before the main thread blocks", "in a finaliser"])
def test_an_interrupt_that_comes_where_python_loses_it_is_noticed(code):
    with python(code) as process:
        out, err = process.communicate(timeout=LIMIT)
    assert (out, err, process.returncode) == ("noticed\n", "", 0)


def test_an_interrupt_ends_a_program_that_is_ending_and_hangs():
    with python(ENDING) as process:
        assert process.stdout.readline().startswith("hivemind-client")
        assert process.stdout.readline() == "ending\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT)
    assert (err, process.returncode) == ("", 130)


def test_an_interrupt_of_what_is_left_of_the_interpreter_changes_nothing():
    with python(AT_THE_LAST) as process:
        _, err = process.communicate(timeout=LIMIT)
    assert (err, process.returncode) == ("", 0)


def test_a_program_that_is_to_ignore_interrupts_goes_on_doing_so():
    with python(
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from hivemind_sdk.cli.interrupts import noticed\n"
        "with noticed(): signal.raise_signal(signal.SIGINT)\n"
        "signal.raise_signal(signal.SIGINT)"
    ) as process:
        assert process.wait(LIMIT) == 0


def test_an_interrupt_that_comes_out_as_another_error_is_told_as_an_interrupt(capsys):
    try:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("cannot release un-acquired lock")
    except RuntimeError as error:
        assert interrupted(error)
        assert failures.tell(error, {}) == 130
    assert failures.tell(click.Abort(), {}) == 130
    assert capsys.readouterr().err == ""
    assert not interrupted(RuntimeError())
