"""`hivemind-client voice`, as a program of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hivemind_voice_kit import SOON, question, sounds_for

PROGRAM = (sys.executable, "-m", "hivemind_sdk")


@pytest.fixture
def voice(link, tmp_path, monkeypatch):
    """`voice(arguments)` -> what it has printed, and its exit code."""
    for kind in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    where = ["--key", link["key"], "--password", link["password"], "--host", f"{link['host']}:{link['port']}"]
    subprocess.run([*PROGRAM, "set-identity", *where], check=True, timeout=SOON * 2, capture_output=True)

    def run(*arguments):
        command = [*PROGRAM, "voice", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SOON * 2, stdin=subprocess.DEVNULL)
        return done.stdout, done.stderr, done.returncode

    return run


def test_a_file_is_answered_in_a_file_and_shown(voice, tmp_path):
    answer = tmp_path / "answer.wav"
    files = ["--microphone", question(tmp_path / "asked.wav"), "--speaker", str(answer), "--no-sounds"]
    shown, errors, code = voice(*files, "--wake-word", "none", "--vad", "energy", "--option", "energy.threshold=0.05")
    assert (errors, code) == ("", 0)
    heard = next(line.removeprefix("you: ") for line in shown.splitlines() if line.startswith("you: "))
    assert f">  echo: {heard}" in shown
    assert sounds_for(answer) > 0.1


def test_events_are_json_for_programs(voice, tmp_path):
    files = ["--microphone", question(tmp_path / "asked.wav"), "--speaker", str(tmp_path / "answer.wav")]
    shown, _errors, code = voice(*files, "--wake-word", "none", "--vad", "energy", "--json")
    events = [json.loads(line) for line in shown.splitlines()]
    assert code == 0
    assert next(event["text"] for event in events if event["event"] == "state") == "recording"
    assert max(event["level"] for event in events if event["event"] == "level") > 0.1


def test_something_is_said_without_a_microphone(voice, tmp_path):
    answer = tmp_path / "answer.wav"
    _shown, errors, code = voice("--microphone", "none", "--speaker", str(answer), "--say", "dinner is ready")
    assert (errors, code) == ("", 0)
    assert sounds_for(answer) == pytest.approx(len("dinner is ready") / 100, abs=0.05)


def test_what_can_not_be_said_ends_with_an_exit_code(voice, tmp_path):
    speaker = tmp_path / "no-folder" / "answer.wav"
    shown, _errors, code = voice("--microphone", "none", "--speaker", str(speaker), "--say", "dinner is ready")
    assert (code != 0, "answer.wav" in shown) == (True, True)


def test_a_table_of_a_file_may_choose_a_mode_that_needs_other_keys(voice, tmp_path):
    file = tmp_path / "satellite.toml"
    file.write_text('[voice]\nmode = "full"\nstt = "grammar"\ntts = "espeak"\n')
    done = subprocess.run([*PROGRAM, "run", "--check", str(file)], capture_output=True, text=True, timeout=SOON * 2)
    assert (done.returncode, "in order" in done.stdout) == (0, True), done.stderr
    file.write_text('[voice]\nmode = "full"\nstt = "grammar"\n')
    done = subprocess.run([*PROGRAM, "run", "--check", str(file)], capture_output=True, text=True, timeout=SOON * 2)
    assert done.returncode == 2
    assert "voice.mode: mode='full' needs" in done.stdout + done.stderr


def test_devices_and_engines_are_listed(voice):
    shown, _errors, code = voice("--devices")
    assert code == 0
    assert "hivemind-voice-silero-vad-plugin (silero)" in shown


def test_what_can_not_be_used_is_one_line_with_what_to_do(voice, tmp_path):
    for wrong in (["--mode", "full"], ["--volume", "200"], ["--vad", "none-such"], ["--option", "nonsense"]):
        _shown, errors, code = voice("--microphone", str(tmp_path / "none.wav"), *wrong)
        assert code != 0
        assert "Traceback" not in errors
