"""The transport keeps its contract, as the kit asks for, over a stub broker."""

from __future__ import annotations

from contextlib import contextmanager

from hivemind_mqtt_stub import HubSide, StubBroker

from hivemind_mqtt import MqttConnector, MqttOptions
from hivemind_sdk.settings import Endpoint
from hivemind_sdk.testing import TransportContract


class TestMqtt(TransportContract):
    scheme = "mqtt"

    @contextmanager
    def serving(self, accept):
        with StubBroker() as broker:
            hub = HubSide(broker.port, accept, "conformance")
            try:
                yield Endpoint("mqtt", "127.0.0.1", broker.port)
            finally:
                hub.stop()

    @contextmanager
    def refusing(self):
        with StubBroker(login=("somebody", "else")) as broker:
            yield Endpoint("mqtt", "127.0.0.1", broker.port)

    def connector(self):
        return MqttConnector(MqttOptions(settle=0.05))
