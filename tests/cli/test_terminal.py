"""terminal: a conversation from a pipe, and at a keyboard."""

from __future__ import annotations

import os
import sys
import threading

import pytest
from cli_kit import Terminal, identify, make_hub, program, run

from hivemind_sdk import HiveMessageType
from hivemind_sdk.cli.screen import PROMPT, Screen

CONNECTED = "== connected to HiveMind\n"


@pytest.mark.parametrize("ending", ["\n", ""])
def test_lines_from_a_pipe_are_answered_before_it_ends(ending, hub):
    done = program("terminal", stdin=f"hello\n\n  what time is it?  {ending}")
    assert (done.code, done.out) == (0, CONNECTED + ">  echo: hello\n>  echo: what time is it?\n")
    first = hub.of_type(HiveMessageType.BUS)[0].payload
    assert first.msg_type == "recognizer_loop:utterance"
    assert first.data == {"utterances": ["hello"], "lang": "en-us"}
    assert first.context["destination"] == "skills"


def test_the_whole_conversation_is_in_one_session_so_that_skills_can_follow_it(hub):
    run("terminal", stdin="one\ntwo\n")
    sessions = [message.payload.context["session"]["session_id"] for message in hub.of_type(HiveMessageType.BUS)]
    assert len(sessions) == 2
    assert len(set(sessions)) == 1


def test_no_input_is_no_conversation_and_no_error(hub):
    assert run("terminal", stdin="") == (0, CONNECTED, run("terminal", stdin="").err)


def test_what_is_not_handled_is_said_waited_for_no_longer_than_asked_and_tells_in_the_exit_code(hub):
    done = run("terminal", "--timeout", "1", stdin="!silence\nhello\n")
    assert (done.code, done.out) == (5, CONNECTED + ">  echo: hello\n")
    assert "!  not handled within 1 s" in done.err


def test_what_is_denied_is_said_and_the_rest_goes_on():
    with make_hub(allowed_types=()) as hub, pytest.MonkeyPatch.context() as patch:
        identify(patch, hub)
        done = run("terminal", stdin="hello\n")
    assert (done.code, done.out) == (7, CONNECTED)
    assert "!  the hub denied 'recognizer_loop:utterance'" in done.err


def test_a_lost_link_is_said_and_comes_back(hub):
    done = run("terminal", stdin="!close 1000\nhello\n")
    assert done.code == 6
    assert "-- the link was closed with code 1000: asked to; trying again\n-- connected again\n" in done.out
    assert done.out.endswith(">  echo: hello\n")


def test_at_a_keyboard_there_is_a_prompt_and_replies_come_above_it(hub):
    with Terminal("terminal") as terminal:
        terminal.until("Utterance: ")
        terminal.type("hello\n")
        terminal.until(">  echo: hello")
        terminal.type("!send x\n\n")
        terminal.type("again\n")
        terminal.until(">  echo: again")
        assert hub.wait_for(lambda hub: len(hub.of_type(HiveMessageType.BUS)) == 3)
        hub.peers[0].send_bus(
            hub.of_type(HiveMessageType.BUS)[0].payload.reply("speak", {"utterance": "the egg is done"})
        )
        terminal.until(">  the egg is done")
        terminal.type("!close 1000\n")
        terminal.until("-- connected again")
        terminal.type("half a li")
        terminal.until("half a li")
        terminal.type("ne\n")
        terminal.until(">  echo: half a line")
        terminal.type("\x04")
        assert terminal.end() == 0
        assert "Traceback" not in terminal.shown


def test_what_comes_in_while_somebody_types_leaves_what_was_typed(hub):
    with Terminal("terminal") as terminal:
        terminal.until("Utterance: ")
        terminal.type("hello\n")
        terminal.until(">  echo: hello")
        terminal.type("half a li")
        terminal.until("Utterance: half a li")
        said = hub.of_type(HiveMessageType.BUS)[0].payload
        hub.peers[0].send_bus(said.reply("speak", {"utterance": "the egg is done"}))
        terminal.until("the egg is done")
        assert "Utterance: half a li" in terminal.until("done\x1b[0m\r\nUtterance: half a li")
        terminal.type("ne\n")
        terminal.until(">  echo: half a line")


class Console:
    """A terminal that other threads come between two writes of."""

    def __init__(self, name, written):
        self.name, self._written = name, written

    def write(self, text):
        if not isinstance(text, str):  # click asks whether it takes bytes
            raise TypeError
        if text:
            self._written.append((self.name, text))
        os.sched_yield()

    def flush(self):
        pass

    def isatty(self):
        return True


def test_threads_that_show_at_once_leave_each_line_whole(monkeypatch):
    written, start, typing, done = [], threading.Barrier(4), threading.Event(), threading.Event()
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Console(name, written))
    monkeypatch.setitem(sys.modules, "readline", None)
    monkeypatch.setattr("builtins.input", lambda _prompt: typing.set() or str(done.wait(30)))
    screen = Screen()

    def show():
        start.wait(30)
        for number in range(50):
            screen.show(f"line {number}", err=True)

    reader = threading.Thread(target=lambda: next(screen.lines()))
    reader.start()
    assert typing.wait(30)
    threads = [threading.Thread(target=show) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    done.set()
    reader.join(30)
    calls = [(name, "line" in text, PROMPT in text) for name, text in written]
    assert calls == [("stdout", False, False), ("stderr", True, False), ("stdout", False, True)] * 200


def test_a_readline_that_never_says_when_the_prompt_is_there_holds_no_answer_back(hub, tmp_path):
    tmp_path.joinpath("sitecustomize.py").write_text("import readline; readline.set_pre_input_hook = lambda hook: None")
    with Terminal("terminal", PYTHONPATH=str(tmp_path)) as terminal:
        terminal.until("Utterance: ")
        terminal.type("hello\n")
        terminal.until(">  echo: hello")


def test_at_a_keyboard_ctrl_c_ends_quietly(hub):
    with Terminal("terminal") as terminal:
        terminal.until("Utterance: ")
        assert terminal.interrupt() == 130
        assert "Traceback" not in terminal.shown
        assert "Error" not in terminal.shown


@pytest.mark.parametrize("typed", ["", "half a li"])
def test_a_hub_that_refuses_a_link_that_was_good_is_tried_again_and_the_reason_is_shown(typed, hub3):
    with Terminal("terminal") as terminal:
        terminal.until("Utterance: ")
        terminal.type(typed)
        port = hub3.port
        hub3.close()
        with make_hub("5.3.10a1", port):  # the same address, another key
            terminal.until("forget-server")
            assert terminal.interrupt() == 130
        assert "Traceback" not in terminal.shown


def test_a_hub_may_not_steer_the_terminal(hub):
    assert ">  echo: \ufffd[2Jgotcha\n" in run("terminal", stdin="\x1b[2Jgotcha\n").out
