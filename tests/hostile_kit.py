"""What the tests of hostile hubs share: a satellite that is READY, a hub that says anything, and what came of it."""

from __future__ import annotations

import threading
from itertools import count

from crypto_kit import KEYS
from link_kit import CLIENT, CREDENTIALS, LONG, Log

from hivemind_sdk.contracts import Form
from hivemind_sdk.contracts.observations import StateChanged
from hivemind_sdk.contracts.status import State
from hivemind_sdk.messages import BusMessage
from hivemind_sdk.satellite.satellite import Satellite
from hivemind_sdk.settings import Backoff, Endpoint, Settings
from hivemind_sdk.testing import Hub, MemoryState

LEGACY, V3 = "4.6.1a1", "5.3.10a1"
_numbers = count()


def bob():
    """Who trusts alice, and nobody else."""
    state = MemoryState(public_key=KEYS["bob"]["public_pem"], trusted_keys={"alice": KEYS["alice"]["public_pem"]})
    state.write_secret("private.pem", KEYS["bob"]["private_pem"])
    return state


class Linked:
    """Bob in the kitchen, on a hub of this profile, over a real websocket. A context manager."""

    def __init__(self, profile, *, binarize=None, identity=None, observers=(), **changes):
        self.hub = Hub([CLIENT], profile, binarize=bool(binarize)).start()
        self.log = Log()
        self.heard = []
        self._changed = threading.Condition()
        fields = {"backoff": Backoff(0.0, 0.0), "site_id": "kitchen", "binarize": bool(binarize), **changes}
        settings = Settings(Endpoint("ws", "127.0.0.1", self.hub.port), CREDENTIALS, **fields)
        self.satellite = Satellite(settings, identity=identity or bob(), observers=[self.log, *observers])
        self.satellite.on_bus("*", self._hear, inline=True)
        self.satellite.connect()

    @property
    def peer(self):
        """The newest: a hub may hear of the end of a link after the one that follows has come up."""
        return self.hub.wait_for(lambda hub: hub.peers)[-1]

    def say(self, form, plaintext):
        """Seal these bytes, whatever they are, and send them."""
        self.peer.send_sealed(form, plaintext)

    def say_binary(self, frame):
        self.say(Form.BINARY, frame)

    def say_text(self, text):
        self.say(Form.TEXT, text.encode())

    def wait_for_heard(self, condition):
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self.heard), LONG), self.heard

    def sync(self):
        """Until all that was said has been acted on, and all that was to be sent up has arrived."""
        mark = f"sync.{next(_numbers)}"
        self.peer.send_bus(BusMessage(mark))
        self.wait_for_heard(lambda heard: any(one.msg_type == mark for one in heard))
        assert self.satellite.wait_idle(LONG)
        self.satellite.emit(BusMessage("speak", {"mark": mark}))  # which is allowed, so nothing comes back
        self.hub.wait_for(lambda hub: any(_is_mark(one, mark) for _, one in hub.received))

    def injected(self):
        """What the local bus has heard, but for our own marks."""
        return [one for one in self.heard if not one.msg_type.startswith("sync.")]

    def is_the_first_link(self):
        return [event.after.state for event in self.log.of(StateChanged)][2:] == [State.READY]

    def forget(self):
        """What was heard and seen until now."""
        self.heard.clear()
        self.log.events[:] = self.log.of(StateChanged)
        self.hub.received.clear()

    def _hear(self, message):
        with self._changed:
            self.heard.append(message)
            self._changed.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.satellite.close()
        self.hub.close()


def _is_mark(message, mark):
    return message.msg_type.value == "bus" and message.payload.data.get("mark") == mark
