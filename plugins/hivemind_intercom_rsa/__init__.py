"""INTERCOM, end to end: AES-256-GCM under a fresh key, that under the other's RSA key, signed (wire.md section 7)."""

from hivemind_sdk.hooks import HandlerPlugin, PrimitivePlugin, hookimpl
from hivemind_sdk.messages import HiveMessageType

from .envelope import IntercomRSA
from .handler import IntercomHandler, IntercomOptions

HIVEMIND_API = 1


@hookimpl
def hivemind_handlers() -> list[HandlerPlugin]:
    return [
        HandlerPlugin(
            name="intercom-rsa",
            types=(HiveMessageType.INTERCOM,),
            create=IntercomHandler,
            options=IntercomOptions,
            help="opens what is encrypted for this node and signed by somebody it trusts",
        )
    ]


@hookimpl
def hivemind_primitives() -> list[PrimitivePlugin]:
    return [
        PrimitivePlugin(name="intercom-rsa", primitive="INTERCOM", create=IntercomRSA, help="seals messages end to end")
    ]
