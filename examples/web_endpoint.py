"""A web endpoint that asks the hive: `POST /ask` with {"text": ..., "user": ..., "lang": ...}.

    pip install aiohttp
    python web_endpoint.py

Each user has a session of their own, so that several people can ask at the same time. A web server that is asked while
the link is down answers 503; the client links again by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from hivemind_sdk import AsyncHiveMessageBusClient
from hivemind_sdk.errors import HiveMindError, RequestTimeout

CLIENT = web.AppKey("client", AsyncHiveMessageBusClient)


async def ask(request: web.Request) -> web.Response:
    """The replies of the hub to one utterance."""
    wanted = await request.json()
    session = request.app[CLIENT].session(wanted["user"], lang=wanted.get("lang"))
    try:
        replies = await session.ask(wanted["text"], timeout=30.0)
    except RequestTimeout:
        raise web.HTTPGatewayTimeout(text="the hub did not answer in time") from None
    except HiveMindError as error:
        raise web.HTTPServiceUnavailable(text=str(error)) from None
    return web.json_response([reply.data["utterance"] for reply in replies])


def make_app(**link: Any) -> web.Application:
    """The application. `link`: arguments of the client; without them the identity says which hub it is."""

    async def client(app: web.Application) -> AsyncIterator[None]:
        async with AsyncHiveMessageBusClient(**link) as app[CLIENT]:
            yield

    app = web.Application()
    app.cleanup_ctx.append(client)
    app.router.add_post("/ask", ask)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=8080)
