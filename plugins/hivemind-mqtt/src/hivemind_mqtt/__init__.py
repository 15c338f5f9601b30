"""HiveMind over an MQTT broker: `mqtt` and `mqtts`. This module holds the plugin record and its options only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hivemind_sdk.contracts import Dial, Transport
from hivemind_sdk.errors import OptionError
from hivemind_sdk.hooks import TransportPlugin, hookimpl

HIVEMIND_API = 1


@dataclass(frozen=True)
class MqttOptions:
    """`username`, `password`: the broker's, not HiveMind's; empty: the broker is not asked for any.

    `certificate`, `certificate_key`: paths of PEM files, for brokers that want a client certificate (`mqtts` only).
    `prefix`: the hub's `topic_prefix`; a path in the hub's address has priority. `client_id`: MQTT's, one for each
    device; by default derived from prefix and access key. `settle`: seconds without a status message after which the
    hub is taken to have ended the link before. `silence`: seconds without a frame after which the link is probed; 0
    never probes.
    """

    username: str = field(default="", repr=False, metadata={"secret": True})
    password: str = field(default="", repr=False, metadata={"secret": True})
    certificate: str = ""
    certificate_key: str = ""
    prefix: str = "hivemind"
    client_id: str = ""
    settle: float = 0.2
    silence: float = 15.0

    def __post_init__(self) -> None:
        if not 0 <= self.settle <= 5 or self.silence < 0:
            raise OptionError(
                f"settle={self.settle!r} and silence={self.silence!r} can't be used",
                hint="settle takes 0 to 5 seconds, silence 0 or more",
            )
        if self.password and not self.username:
            raise OptionError("a broker password needs a username", hint="set HIVEMIND_MQTT_USERNAME, too")


class MqttConnector:
    """Opens links to hubs behind `mqtt://` and `mqtts://` brokers. Keeps nothing between links."""

    def __init__(self, options: MqttOptions) -> None:
        self._options = options

    def connect(self, dial: Dial) -> Transport:
        """Connect to the broker and greet the hub, all within `dial.timeout` seconds.

        Raises Unreachable, LinkTimeout, AuthenticationRefused where the broker refuses, or SettingsError for an access
        key, prefix, certificate, proxy or pin that can't be used. Whether a hub is there only its answer tells.
        """
        from .transport import open_link

        return open_link(dial, self._options)


@hookimpl
def hivemind_transports() -> Iterable[TransportPlugin]:
    return [
        TransportPlugin(
            name="mqtt",
            schemes=("mqtt", "mqtts"),
            ports={"mqtt": 1883, "mqtts": 8883},
            create=MqttConnector,
            options=MqttOptions,
            help="an MQTT broker, plain or over TLS, with hivemind-mqtt-protocol behind it",
        )
    ]
