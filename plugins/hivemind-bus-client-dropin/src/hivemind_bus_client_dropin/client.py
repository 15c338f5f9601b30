"""HiveMessageBusClient: the SDK's client, with what the reference's own words mean."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from hivemind_sdk import BinaryDataCallbacks, State
from hivemind_sdk import HiveMessage as SDKMessage
from hivemind_sdk import HiveMessageBusClient as SDKClient
from hivemind_sdk.errors import NotConnected, SettingsError

from . import surface
from .exceptions import NotConfigured, NotReady
from .identity import NodeIdentity
from .message import HiveMessage, HiveMessageType, HiveMindBinaryPayloadType
from .surface import (
    WEBSOCKET_CONNECT_TIMEOUT,
    Listener,
    Surface,
    answer,
    in_vain,
    is_wire_type,
    key_text,
    plain,
    reply_type_of,
)
from .waiting import PayloadWaiter, Waiter

__all__ = [
    "WEBSOCKET_CONNECT_TIMEOUT",
    "WORKER_JOIN_TIMEOUT",
    "BinaryDataCallbacks",
    "HiveMessage",
    "HiveMessageBusClient",
    "HiveMessageType",
    "HiveMessageWaiter",
    "HiveMindBinaryPayloadType",
    "HivePayloadWaiter",
    "NodeIdentity",
]

log = logging.getLogger(__name__)
WORKER_JOIN_TIMEOUT = 5
"""seconds that `close` waits"""


class HiveMessageWaiter(Waiter):
    """See Waiter."""

    def __init__(self, bus: Any, message_type: HiveMessageType | str) -> None:
        super().__init__(bus, message_type, threading.Event())

    def wait(self, timeout: float = 3.0) -> Any:
        """The message; None after `timeout` seconds. Stops listening."""
        self.response_event.wait(timeout)
        self.bus.remove(self.msg_type, self._handler)
        return self.received_msg


class HivePayloadWaiter(PayloadWaiter, HiveMessageWaiter):
    """See PayloadWaiter."""


class HiveMessageBusClient(Surface, SDKClient):
    """See hivemind_sdk.HiveMessageBusClient, whose other arguments are taken too, and `outside` for what
    environment and config file say.

    As in the reference: `connect` waits for a hub that is not up yet; any certificate is accepted unless `self_signed`
    is False (or a CA, or a pin, is given); binary frames are used where the hub offers them. `port` may be text.
    Raises NotConfigured (a RuntimeError) without access key or host.
    """

    def __init__(
        self,
        key: str | None = None,
        password: str | None = None,
        crypto_key: str | None = None,
        host: str | None = None,
        port: int | str | None = None,
        useragent: str = "",
        self_signed: bool = True,
        share_bus: bool = False,
        compress: bool | None = True,
        binarize: bool = True,
        identity: NodeIdentity | None = None,
        internal_bus: Any = None,
        bin_callbacks: BinaryDataCallbacks | None = None,
        websocket_ping_interval: float | None = None,
        websocket_ping_timeout: float | None = None,
        max_protocol_version: int = 3,
        websocket_connect_timeout: float | None = None,
        **more: Any,
    ) -> None:
        said = {"port": port, "self_signed": self_signed, "binarize": binarize, "compress": compress, **more}
        try:
            super().__init__(
                key=key,
                password=password,
                crypto_key=crypto_key,
                host=host,
                useragent=useragent,
                share_bus=share_bus,
                identity=identity,
                internal_bus=internal_bus,
                bin_callbacks=bin_callbacks,
                websocket_ping_interval=websocket_ping_interval,
                websocket_ping_timeout=websocket_ping_timeout,
                max_protocol_version=max_protocol_version,
                websocket_connect_timeout=websocket_connect_timeout,
                **surface.arguments(said),
            )
        except SettingsError as error:
            raise NotConfigured(str(error), hint=error.hint) from error
        if self.config.ssl and self.allow_self_signed:
            log.warning("any TLS certificate is accepted; HIVEMIND_DROPIN_TLS_PIN, _CA or _SELF_SIGNED=off check it")

    # --- life ---

    def connect(
        self,
        bus: Any = None,
        protocol: Any = None,
        site_id: str | None = None,
        handshake_max_retries: int | None = None,
        *,
        timeout: float | None = None,
        retry: bool = True,  # noqa: ARG002 the SDK's argument; here it is always so
    ) -> Any:
        """Start, and wait until the link is ready, as long as it takes. -> what was negotiated

        `handshake_max_retries`: wait 5 seconds, and as often 5 more; `timeout`: wait so many seconds. The link is
        tried on after that. Raises RefusedByHub (a ConnectionRefusedError), HandshakeTimeout (a RuntimeError).
        """
        self.bind_protocol(protocol, bus, site_id)
        self.run_in_thread()
        limit = surface.limit_of(timeout, handshake_max_retries)
        surface.check_ready(self.satellite.wait_for(State.READY, timeout=limit))
        return self.status.info

    def wait_for_handshake(self, timeout: float = 5.0, max_retries: int | None = None) -> None:
        """Wait until the link is ready: `timeout` seconds, and as long again for each retry; None: without end.

        Raises RefusedByHub, HandshakeTimeout.
        """
        limit = None if max_retries is None else timeout * (max_retries + 1)
        surface.check_ready(self.satellite.wait_for(State.READY, timeout=limit))

    def latch_refusal(self, reason: str) -> None:
        """Close, for a reason that no retry mends; listeners of `auth_rejected` hear it."""
        log.error("connection refused: %s", reason)
        self.emitter.emit("auth_rejected", reason)
        self.close()

    # --- sending ---

    def emit(
        self,
        message: Any,
        binary_type: HiveMindBinaryPayloadType = HiveMindBinaryPayloadType.UNDEFINED,
        **more: Any,
    ) -> Any:
        """See hivemind_sdk. Raises NotReady (a RuntimeError and a ValueError) where it can't be sent, nor wait."""
        try:
            return super().emit(plain(message), binary_type, **more)
        except NotConnected as error:
            raise NotReady(str(error), hint=error.hint) from error

    def ask(self, what: Any, *, context: Mapping[str, Any] | None = None, **more: Any) -> str:  # type: ignore[override]
        """What is spoken in answer, as one text; the arguments and errors are those of hivemind_sdk.

        Bridges that expect this of the reference's client, which has no `ask`, put a `session_id` into `context`.
        """
        context = dict(context or {})
        session_id = context.pop("session_id", None)
        if session_id:
            context.setdefault("session", {"session_id": session_id})
        replies = super().ask(what, context=context, **more)
        return " ".join(str(message.data.get("utterance", "")) for message in replies)

    # --- listening ---

    def on(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        super().on(event_name, Listener(func) if is_wire_type(event_name) else func)

    def once(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        super().once(event_name, Listener(func) if is_wire_type(event_name) else func)

    def wait_for_message(self, message_type: HiveMessageType | str, timeout: float = 3.0) -> Any:
        with in_vain():
            return answer(super().wait_for_message(message_type, timeout), bus=False)
        return None

    def wait_for_mycroft(self, mycroft_msg_type: str, timeout: float = 3.0) -> Any:
        with in_vain():
            return answer(super().wait_for_mycroft(mycroft_msg_type, timeout))
        return None

    def wait_for_payload(
        self,
        payload_type: HiveMessageType | str,
        message_type: HiveMessageType | str = HiveMessageType.BUS,
        timeout: float = 3.0,
    ) -> Any:
        with in_vain():
            return answer(super().wait_for_payload(payload_type, message_type, timeout))
        return None

    def wait_for_response(self, message: Any, reply_type: Any = None, timeout: float = 3.0) -> Any:
        """Without a `reply_type`, a bus message is answered by its own type (the reference) or `.response` (OVOS)."""
        with in_vain():
            return answer(super().wait_for_response(plain(message), reply_type_of(message, reply_type), timeout))
        return None

    def wait_for_payload_response(
        self,
        message: Any,
        payload_type: HiveMessageType | str,
        reply_type: HiveMessageType | str | None = None,
        timeout: float = 3.0,
    ) -> Any:
        with in_vain():
            return answer(super().wait_for_payload_response(plain(message), payload_type, reply_type, timeout))
        return None

    def emit_intercom(self, message: Any, pubkey: Any) -> None:
        """Send a bus message that only the owner of this public key (PEM, or a pycryptodome key) can read."""
        inner = message.payload if isinstance(message, SDKMessage) else message
        super().emit_intercom(inner, key_text(pubkey))
