"""negative.json on a live link: what a satellite makes of each frame of the areas frame, cipher-json and dispatch."""

from __future__ import annotations

import json
import queue
from contextlib import suppress

import pytest
from crypto_kit import RECORDS, negative
from hostile_kit import LEGACY, V3, Linked
from link_kit import CLIENT, CREDENTIALS, Log

from hivemind_sdk.contracts import Declined, Established, Form, SessionInfo
from hivemind_sdk.contracts.envelope import EnvelopeSession
from hivemind_sdk.contracts.observations import Dropped, MessageReceived, StateChanged
from hivemind_sdk.contracts.status import State
from hivemind_sdk.engine.connection import NamedHandshake
from hivemind_sdk.errors import LinkClosed, NoCommonHandshake
from hivemind_sdk.messages import BusMessage, HiveMessage, HiveMessageType
from hivemind_sdk.satellite.satellite import Satellite
from hivemind_sdk.settings import Backoff, Endpoint, Settings
from hivemind_sdk.testing import Hub, MemoryState
from hivemind_sdk.testing.listener import Listener
from hivemind_sdk.testing.misbehaviour import OFFER, change

FRAMES, ENVELOPES, DISPATCHED = negative("frame"), negative("cipher-json"), negative("dispatch")


def test_the_areas_are_complete():
    assert [len(area) for area in (FRAMES, ENVELOPES, DISPATCHED)] == [25, 14, 18]


# --- frames and dispatch: one link for all cases, which none of them may harm --------------------------------------


@pytest.fixture(scope="module", params=[LEGACY, V3])
def link(request):
    with Linked(request.param, binarize=True) as linked:
        linked.satellite.cascade_timeout = 0.02
        yield linked


@pytest.fixture
def on(link):
    """The link, when what it went through before is over."""
    link.sync()
    link.forget()
    return link


def frame_of(given):
    parts = given.get("frame_parts") or [{"hex": given["frame_hex"]}]
    return b"".join(
        (bytes.fromhex(part["hex"]) if "hex" in part else part["text"].encode()) * part.get("times", 1)
        for part in parts
    )


@pytest.mark.parametrize("case", FRAMES)
def test_a_frame_is_taken_or_dropped_and_counted_as_required_and_the_link_goes_on(on, case):
    on.say_binary(frame_of(case["input"]))
    on.sync()
    taken = len(on.log.of(MessageReceived)) - 1  # the mark's
    malformed = [one for one in on.log.of(Dropped) if one.reason.startswith("malformed")]
    verdicts = {"accept": (1,), "reject": (0,), "either": (0, 1)}
    assert taken in verdicts[case["expect"]["verdict"]]
    assert taken or len(malformed) == 1
    assert on.is_the_first_link()


@pytest.mark.parametrize("case", DISPATCHED)
def test_a_message_is_heard_and_answered_as_required_and_the_link_goes_on(on, case, monkeypatch):
    expect = case["expect"]
    metadata = case["input"]["frame"].get("metadata") or {}
    if metadata.get("is_response"):  # an answer counts only where it was asked for
        monkeypatch.setattr(on.hub.router, "up", lambda peer, message: None)
        kind = HiveMessageType(case["input"]["frame"]["msg_type"])
        on.satellite.emit(HiveMessage(kind, BusMessage("question"), metadata={"query_id": metadata["query_id"]}))
        on.hub.wait_for(lambda hub: hub.of_type(kind))
        on.forget()
    assert case["input"]["own_key"] == "bob"
    assert case["input"]["site_id"] == "kitchen"
    on.say_text(json.dumps(case["input"]["frame"]))
    if expect["inject"]:
        on.wait_for_heard(lambda _: on.injected())
    on.sync()
    sent = [one.msg_type.value for _, one in on.hub.received if one.msg_type.value != "bus"]
    assert (len(on.injected()), sent) == (expect["inject"], expect["send"])
    assert on.is_the_first_link()


# --- envelopes: a link with the key of the case --------------------------------------------------------------------


class Agreed:
    """A handshake that asks nobody: the session is that of the case."""

    def __init__(self, given):
        self.given = given

    def session(self):
        record = RECORDS[self.given["cipher"]]
        info = SessionInfo(2, "agreed", self.given["cipher"], self.given["encoding"])
        return EnvelopeSession(info, record.create().bind(bytes.fromhex(self.given["key_hex"])), record.nonce_size)

    def satellite(self, context):
        def script():
            return Established(self.session())
            yield

        return script()

    def hub(self, context, first):
        return Declined("a satellite's")

    def offer(self, context):
        return {}


UNKNOWN = [case for case in ENVELOPES if case.values[0]["input"]["encoding"] == "JSON-B58"]


@pytest.mark.parametrize("case", [case for case in ENVELOPES if case not in UNKNOWN])
def test_an_envelope_is_opened_or_dropped_and_counted_as_required_and_the_link_goes_on(case):
    given = case["input"]
    agreed, log, mark = Agreed(given), Log(), queue.SimpleQueue()

    def serve(transport, token, peer):
        for kind in ("hello", "shake"):
            transport.send(HiveMessage(kind, {}).serialize())
        transport.receive()  # the satellite's HELLO
        transport.send(given["envelope"])
        (sealed,) = agreed.session().seal(Form.TEXT, HiveMessage("bus", BusMessage("mark")).serialize().encode())
        transport.send(sealed)
        with suppress(LinkClosed):
            transport.receive()

    listener = Listener(serve)
    listener.start()
    settings = Settings(Endpoint("ws", "127.0.0.1", listener.port), CREDENTIALS, backoff=Backoff(0.0, 0.0))
    handshake = NamedHandshake("agreed", 2, agreed)
    with Satellite(settings, handshakes=[handshake], identity=MemoryState(), observers=[log]) as sat:
        sat.on_bus("mark", mark.put, inline=True)
        log.wait(lambda log: len(log.of(MessageReceived)) >= 1 and log.of(MessageReceived)[-1].msg_type.value == "bus")
        taken = len(log.of(MessageReceived)) - 1
        drops = [one.reason for one in log.of(Dropped)]
        if case["expect"]["verdict"] == "accept":
            assert taken == 1
            assert not {"undecryptable", "malformed frame"} & set(drops)
        else:
            assert taken == 0
            assert drops in (["undecryptable"], ["malformed frame"])
        assert [event.after.state for event in log.of(StateChanged)][2:] == [State.READY]
    listener.stop()


@pytest.mark.parametrize("case", UNKNOWN)
def test_an_encoding_that_nobody_knows_is_agreed_on_with_nobody(case):
    given = case["input"]
    assert case["expect"]["verdict"] == "reject"
    with Hub([CLIENT], LEGACY, misbehaviour=change(OFFER, encodings=[given["encoding"]])) as hub:
        settings = Settings(
            Endpoint("ws", "127.0.0.1", hub.start().port),
            CREDENTIALS,
            ciphers=(given["cipher"],),
            handshakes=("password",),
        )
        sat = Satellite(settings, identity=MemoryState())
        with pytest.raises(NoCommonHandshake, match="encoding"):
            sat.connect()
        sat.close()
