"""Answers to clients that have gone are dropped, whatever the event loop makes of them.

asyncio's own loop drops what is written to a closed connection, and so does uvicorn once it knows; uvloop raises when
uvicorn has closed the connection itself: behind a valid request came bytes that are no HTTP.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CLOSED = "the handler is closed"
"""uvloop's words; it has no class for this error."""


def dropping_late_answers(app: ASGIApp) -> ASGIApp:
    """The application, for a server on any loop."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_or_drop(message: Message) -> None:
            try:
                await send(message)
            except RuntimeError as error:
                if _CLOSED not in str(error):
                    raise
                await _until_gone(receive)

        await app(scope, receive, send_or_drop)

    return served


async def _until_gone(receive: Receive) -> None:
    """Until uvicorn has noted it, too: it complains where an answer is missing on a connection that it thinks open."""
    while (await receive())["type"] != "http.disconnect":
        pass
