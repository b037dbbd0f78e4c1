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

        await app(scope, receive, send_or_drop)

    return served
