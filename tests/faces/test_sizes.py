"""What can't pass is said before it is sent, where the size is known, and the link lives on. Both faces, v2 and v3."""

from __future__ import annotations

import pytest
from faces_kit import LONG

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType, State
from hivemind_sdk.contracts import TransportFeatures
from hivemind_sdk.delivery import Outcome, Queue
from hivemind_sdk.errors import NotEncodable
from hivemind_sdk.messages import HiveMindBinaryPayloadType
from hivemind_sdk.testing.memory import MemoryConnector

LIMIT = 20_000
LARGE = BusMessage("recognizer_loop:b64_audio", {"audio": "A" * 2 * LIMIT})
SMALL = BusMessage("recognizer_loop:utterance", {"utterances": ["hi"]})
AUDIO = HiveMessage(HiveMessageType.BINARY, b"\xfe" * 2 * LIMIT, bin_type=HiveMindBinaryPayloadType.RAW_AUDIO)


@pytest.fixture
def narrow(hub):
    return MemoryConnector(hub.serve, TransportFeatures(close_codes=True, probes=True, max_frame=LIMIT))


@pytest.mark.parametrize("large", [LARGE, AUDIO], ids=["text", "binary"])
def test_on_a_link_it_is_a_typed_error_and_nothing_goes_out(face, hub, satellite, narrow, large):
    sat = satellite(transport=narrow, compress=False)
    face.call(sat.connect)
    with pytest.raises(NotEncodable, match=f"this link takes {LIMIT}"):
        face.call(sat.emit, large)
    face.call(sat.emit, SMALL)
    hub.wait_for(lambda hub: hub.of_type(HiveMessageType.BUS), LONG)
    assert not hub.of_type(HiveMessageType.BINARY)
    assert sat.status.state is State.READY
    assert len(narrow.links) == 1


@pytest.mark.parametrize("durable", [False, True])
def test_what_waited_is_dropped_with_the_reason_and_the_rest_goes_on(face, satellite, narrow, durable, tmp_path):
    sat = satellite(transport=narrow, durable=str(tmp_path / "outbox.db") if durable else None)
    receipts = [face.call(sat.emit, one, delivery=Queue(60.0, durable=durable)) for one in (SMALL, LARGE, SMALL)]
    face.call(sat.connect)
    assert face.call(sat.flush, LONG)
    first, large, last = receipts
    assert large.state is Outcome.DROPPED
    assert f"this link takes {LIMIT}" in large.reason
    assert not {first.state, last.state} & {Outcome.DROPPED, Outcome.QUEUED}
    assert len(narrow.links) == 1
