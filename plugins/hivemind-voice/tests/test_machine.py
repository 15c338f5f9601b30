"""The decisions of a voice satellite, chunk by chunk."""

from __future__ import annotations

import pytest
from hivemind_voice_kit import CHUNK

from hivemind_voice.machine import Began, Entered, Heard, Interrupted, Machine, Phase, Rules, Streamed, Unheard
from hivemind_voice.samples import seconds

LENGTH = seconds(CHUNK)


def chunks(length):
    return round(length / LENGTH)


def machine(trigger="wake", **rules):
    return Machine(Rules(trigger, **rules))


def hear(one, length, **what):
    """Actions on so many seconds of the same."""
    return [action for _ in range(chunks(length)) for action in one.hear(CHUNK, **what)]


def test_a_wake_word_begins_a_recording_and_silence_ends_it():
    one = machine(silence=1.0)
    assert hear(one, 2, voice=True) == []
    assert one.hear(CHUNK, wake=True) == [Began(), Entered(Phase.RECORDING)]
    hear(one, 2, voice=True)
    (entered, heard) = hear(one, 1.05)
    assert entered == Entered(Phase.WAITING)
    assert seconds(heard.pcm) == pytest.approx(3.0, abs=0.1)  # without the wake word
    assert one.answered(heard.turn) == [Entered(Phase.LISTENING)]
    assert one.idle


def test_speech_begins_a_recording_that_holds_what_came_just_before():
    one = machine("voice", silence=1.0)
    hear(one, 3)
    assert one.hear(CHUNK, voice=True) == [Entered(Phase.RECORDING)]
    (_, heard) = hear(one, 1.05)
    assert seconds(heard.pcm) == pytest.approx(0.5 + 1.0, abs=0.15)


def test_a_recording_in_which_nothing_is_said_ends_in_nothing():
    one = machine(patience=2.0)
    one.hear(CHUNK, wake=True)
    assert hear(one, 2.1) == [Unheard("nothing was said"), Entered(Phase.LISTENING)]


def test_a_recording_has_a_longest():
    one = machine(longest=3.0)
    one.hear(CHUNK, wake=True)
    actions = hear(one, 3.1, voice=True)
    assert [type(action) for action in actions[:2]] == [Entered, Heard]


def test_a_button_is_all_that_counts_while_it_is_held():
    one = machine("button", silence=0.5)
    assert hear(one, 1, voice=True, wake=True) == []
    assert one.press() == [Began(), Entered(Phase.RECORDING)]
    assert hear(one, 3) == []  # silence is no end
    (_, heard) = one.release()
    assert seconds(heard.pcm) == pytest.approx(3.0, abs=0.1)
    assert one.release() == []


def test_a_button_that_is_touched_asks_nothing():
    one = machine("button")
    one.press()
    hear(one, 0.1)
    assert one.release() == [Unheard("the button was held too shortly"), Entered(Phase.LISTENING)]


def test_it_does_not_hear_itself():
    one = machine("voice")
    one.promise()
    assert one.speaks() == [Entered(Phase.SPEAKING)]
    assert not one.wants_voice
    assert hear(one, 2, voice=True) == []
    one.spoken()
    assert hear(one, 0.25, voice=True) == []  # nor its echo
    hear(one, 0.25)
    assert one.hear(CHUNK, voice=True) == [Entered(Phase.RECORDING)]


def test_with_barge_in_the_wake_word_stops_what_it_says():
    one = machine(barge_in=True)
    one.speaks()
    assert one.wants_wake
    assert one.hear(CHUNK, wake=True) == [Interrupted(), Began(), Entered(Phase.RECORDING)]
    assert one.spoken() == []  # the recording goes on
    assert one.phase is Phase.RECORDING


def test_a_button_stops_what_it_says_without_barge_in():
    one = machine("button")
    one.speaks()
    assert one.press()[0] == Interrupted()
    one.spoken()
    hear(one, 1, voice=True)
    assert one.release()[0] == Entered(Phase.WAITING)


def test_nobody_is_talked_over():
    one = machine()
    assert one.may_speak
    one.hear(CHUNK, wake=True)
    assert not one.may_speak


def test_an_answer_that_is_expected_is_listened_for_without_a_wake_word():
    one = machine()
    one.speaks()
    assert one.spoken(listen=True) == [Entered(Phase.LISTENING), Began(), Entered(Phase.RECORDING)]
    assert hear(one, 1, voice=True) == []


def test_a_question_that_is_followed_by_another_is_not_waited_for():
    one = machine(silence=0.5)

    def ask():
        one.hear(CHUNK, wake=True)
        hear(one, 1, voice=True)
        return next(action for action in hear(one, 0.6) if isinstance(action, Heard))

    first, second = ask(), ask()  # the wake word is heard while it waits
    assert one.answered(first.turn) == []
    assert one.phase is Phase.WAITING
    assert one.answered(second.turn) == [Entered(Phase.LISTENING)]


def test_it_waits_until_all_is_said():
    one = machine(silence=0.5)
    one.hear(CHUNK, wake=True)
    hear(one, 1, voice=True)
    heard = hear(one, 0.6)[-1]
    one.promise()
    assert one.answered(heard.turn) == []
    assert one.speaks() == [Entered(Phase.SPEAKING)]
    assert one.spoken() == [Entered(Phase.LISTENING)]


def test_a_stream_has_what_is_said_and_the_silence_around_it():
    one = machine("voice", stream=True, silence=1.0)
    assert hear(one, 3) == []
    begins = one.hear(CHUNK, voice=True)
    assert begins[0] == Entered(Phase.RECORDING)
    streamed = [*begins, *hear(one, 1, voice=True), *hear(one, 1.05)]
    assert streamed[-1] == Entered(Phase.LISTENING)
    sent = b"".join(action.pcm for action in streamed if isinstance(action, Streamed))
    assert seconds(sent) == pytest.approx(0.5 + 1.0 + 1.0, abs=0.2)
    assert hear(one, 3) == []


def test_a_stream_is_sent_in_packets():
    one = machine("voice", stream=True, packet=0.25)
    one.hear(CHUNK, voice=True)
    packets = [seconds(action.pcm) for action in hear(one, 3, voice=True)]
    assert all(0.25 <= length <= 0.25 + LENGTH for length in packets)
    assert sum(packets) == pytest.approx(3, abs=0.25)


def test_a_stream_stops_while_it_speaks_and_goes_on_with_barge_in():
    for barge_in in (False, True):
        one = machine("voice", stream=True, barge_in=barge_in)
        one.hear(CHUNK, voice=True)
        one.speaks()
        assert bool(hear(one, 0.3, voice=True)) is barge_in
        assert one.interrupt() == [Interrupted()]
        one.spoken()
        hear(one, 1)
        assert one.hear(CHUNK, voice=True)


def test_a_stream_ends_with_the_link_and_a_recording_does_not():
    one = machine("voice", stream=True)
    one.hear(CHUNK, voice=True)
    assert one.lost() == [Unheard("the link was lost while somebody spoke"), Entered(Phase.LISTENING)]
    one = machine()
    one.hear(CHUNK, wake=True)
    assert one.lost() == []
