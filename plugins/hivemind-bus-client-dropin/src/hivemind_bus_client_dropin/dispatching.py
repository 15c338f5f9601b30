"""The installed handlers over another client: a received message in, deliveries to the local bus and answers out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from hivemind_sdk import HiveMessage as SDKMessage
from hivemind_sdk import installed_handlers
from hivemind_sdk.contracts import (
    Action,
    Announced,
    Consume,
    Deliver,
    Drop,
    Handler,
    HandlerContext,
    Redispatch,
    Role,
    Run,
    SendMessage,
    Wake,
    WakingHandler,
)
from hivemind_sdk.contracts.cascade import Question
from hivemind_sdk.errors import RemoteProtocolError

from .encryption import crypto
from .hive_map import FloodIdCache
from .message import HiveMessage, HiveMessageType, Message

log = logging.getLogger(__name__)
VERIFIED_SOURCE_PEER_KEY = "hivemind_verified_source_peer"
"""context key with the public key that signed a bus message end to end; never what a sender wrote there"""
_DEPTH = 8


class Dispatch:
    """Of one protocol object, which knows the client, the identity, the hub and the settings of the mesh.

    `methods`: which of its methods acts on a type, as a subclass may have replaced it. `emit` sends through the client.
    """

    def __init__(
        self, protocol: Any, methods: Mapping[HiveMessageType, str], emit: Callable[[HiveMessage], None]
    ) -> None:
        self._protocol = protocol
        self._methods = methods
        self._emit = emit
        self._handlers: list[tuple[tuple[HiveMessageType, ...], Handler]] = []
        self.inner: HandlerContext | None = None
        """for the next `handle`, where its message was inside of another one"""
        self.flood_ids: FloodIdCache | None = None
        """the floods that a hub in this process has answered already"""

    def handle(self, message: Any, *outer: SDKMessage) -> bool:
        """-> whether a bus message was delivered"""
        self._handlers = self._handlers or installed_handlers()
        context = self.inner or self._context()
        self.inner = None
        return self._visit(SDKMessage.of(message), replace(context, outer=(*context.outer, *outer)))

    def deliver(self, message: Any, signer: str | None = None) -> None:
        """To the bus of this device, as its own message from here on."""
        context = message.context
        context.pop(VERIFIED_SOURCE_PEER_KEY, None)
        if signer is not None:
            context[VERIFIED_SOURCE_PEER_KEY] = signer
        if "destination" in context:
            context["source"] = context.pop("destination")
        self._protocol.internal_protocol.bus.emit(message)

    def _visit(self, message: SDKMessage, context: HandlerContext) -> bool:
        delivered = False
        for kinds, handler in self._handlers:
            if message.msg_type in kinds and len(context.outer) <= _DEPTH:
                try:
                    actions = list(handler.handle(message, context))
                except RemoteProtocolError as error:
                    log.debug("dropped: %s", error)
                    continue
                inner = replace(context, outer=(*context.outer, message))
                delivered |= self._perform(actions, handler, inner)
                if any(isinstance(action, Consume) for action in actions):
                    break
        return delivered

    def _perform(self, actions: Iterable[Action], handler: Handler, context: HandlerContext) -> bool:
        delivered = False
        mapper = self._protocol.hive_mapper
        for action in actions:
            if isinstance(action, Deliver):
                delivered = True
                found = action.message
                self.deliver(Message(found.msg_type, found.data, dict(found.context)), action.signer)
            elif isinstance(action, Redispatch):
                delivered |= self._redispatch(action, context)
            elif isinstance(action, SendMessage):
                if not self._answered_elsewhere(action.message):
                    self._emit(HiveMessage.of(action.message))
            elif isinstance(action, Announced) and mapper is not None:
                mapper.on_ping(action.ping)
            elif isinstance(action, Run):
                delivered |= self._perform(action.work(), handler, context)
            elif isinstance(action, Wake) and isinstance(handler, WakingHandler):
                self._wake_later(handler, action)
            elif isinstance(action, Drop):
                log.debug("dropped: %s (%s)", action.reason, action.detail)
        return delivered

    def _redispatch(self, action: Redispatch, context: HandlerContext) -> bool:
        """By the method of its type."""
        self.inner = replace(context, signer=action.signer or context.signer)
        name = self._methods.get(action.message.msg_type)
        try:
            if name is None:
                return self.handle(action.message)
            return bool(getattr(self._protocol, name)(HiveMessage.of(action.message)))
        finally:
            self.inner = None

    def _answered_elsewhere(self, message: SDKMessage) -> bool:
        """Whether this is an answer to a flood that the hub in this process has answered."""
        inner = message.payload
        if self.flood_ids is None or getattr(inner, "msg_type", None) is not HiveMessageType.PING:
            return False
        return self.flood_ids.check(inner.payload.get("flood_id"))

    def _wake_later(self, handler: WakingHandler, action: Wake) -> None:
        def wake() -> None:
            context = self._context()
            self._perform(handler.wake(action.key, context), handler, context)

        timer = threading.Timer(action.delay, wake)
        timer.daemon = True
        timer.start()

    def _context(self) -> HandlerContext:
        protocol = self._protocol
        identity, mapper, client = protocol.identity, protocol.hive_mapper, protocol.hm
        return HandlerContext(
            now=time.monotonic(),
            wall_time=time.time(),
            role=Role.SATELLITE,
            site_id=protocol.site_id,
            peer=f"{identity.name if identity else 'satellite'}::{client.session_id}",
            session_id=client.session_id,
            hub_id=protocol.node_id,
            hub_key=protocol.mpubkey or None,
            public_key=identity.public_key if identity else None,
            private_key=identity.private_pem if identity else None,
            trusted_keys=identity.trusted_keys if identity else {},
            crypto=crypto(),
            expected_nodes=len(mapper.nodes) if mapper else 0,
            cascade_timeout=protocol.cascade_timeout,
            cascade_select=protocol.cascade_select_callback,
            question=_asked,
        )


def _asked(_verb: HiveMessageType, query_id: str) -> Question:
    """The client asks without telling us, so every answer of the hub counts, as with the reference."""
    return Question(query_id)
