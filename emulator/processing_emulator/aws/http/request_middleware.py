"""The outermost layer of a request: its id, its context and its protocol, and the one place where errors are answered.

Everything inside raises; here an error is put into the words and the form of the request's protocol.
"""

import logging
import re
import time
from collections.abc import Callable
from typing import Any, Final, cast
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.http.body import ClientGone
from processing_emulator.aws.http.error_encoders import encode_error
from processing_emulator.aws.http.reply import send_reply
from processing_emulator.aws.http.request_context import (
    Authorization,
    RequestContext,
    context_of,
    parse_authorization,
)
from processing_emulator.aws.http.routing import Protocol, protocol_of
from processing_emulator.aws.protocols.codec import Reply
from processing_emulator.aws.protocols.wire_errors import (
    BodyTimedOut,
    MalformedHead,
    insufficient_storage,
    internal_failure,
    invalid_uri,
    state_lost,
    wire_error,
)
from processing_emulator.errors import RequestError, StoreFull, StoreLost
from processing_emulator.log_context import log_fields, no_log_fields

logger = logging.getLogger(__name__)

FULL_DISK_LOG_SECONDS: Final = 60.0
"""A full disk is logged this often, however many requests find it so."""

_ID_HEADER: Final = b"x-amzn-requestid"
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def context_in(scope: Scope) -> RequestContext:
    """The context of a request that came through the middleware."""
    return cast(RequestContext, scope["state"]["context"])


def protocol_in(scope: Scope) -> Protocol:
    """Its protocol."""
    return cast(Protocol, scope["state"]["protocol"])


def authorization_in(scope: Scope) -> Authorization | None:
    """Its signature, parsed but not verified."""
    return cast(Authorization | None, scope["state"]["authorization"])


def headers_in(scope: Scope) -> dict[bytes, str]:
    """Its headers by lower-case name; of repeated ones the last."""
    return {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}


class RequestMiddleware:
    """See the module. `account_of` returns the account of an access key."""

    def __init__(self, app: ASGIApp, *, account_of: Callable[[str], str]) -> None:
        self._app = app
        self._account_of = account_of
        self._full_disk_logged_at = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        response = _Response(send, str(uuid4()))

        async def receive_without_fields() -> Message:
            with no_log_fields():  # a server that resumes reading here reads the next request in this context
                return await receive()

        with log_fields(request_id=response.request_id):
            await self._serve(scope, receive_without_fields, response)

    async def _serve(self, scope: Scope, receive: Receive, response: "_Response") -> None:
        protocol = Protocol.JSON
        try:
            state = self._state(scope)
            protocol = state["protocol"]
            _refuse_fragment(scope, protocol)
            state["context"] = context_of(state["authorization"], response.request_id, self._account_of)
            await self._app(scope, receive, response.send)
        except ClientGone:
            logger.debug("client gone")
        except RequestError as error:
            reply = encode_error(protocol, error, response.request_id)
            refusal = {"status": reply.status, "code": wire_error(error).code, "reason": error.log_text}
            logger.info("request refused", extra=refusal)
            if isinstance(error, BodyTimedOut):  # the next request on this connection would begin in the body
                reply = reply._replace(headers=(*reply.headers, (b"connection", b"close")))
            await response.send_unless_begun(reply)
        except StoreFull as error:
            self._log_full_disk(error)
            reply = encode_error(protocol, insufficient_storage(str(error)), response.request_id)
            await response.send_unless_begun(reply)
        except StoreLost as error:
            logger.error("request not stored", extra={"error": error})  # noqa: TRY400  # the sentence says it all
            reply = encode_error(protocol, state_lost(str(error)), response.request_id)
            await response.send_unless_begun(reply)
        except Exception:
            logger.exception("request failed", extra={"path": scope["path"]})
            await response.send_unless_begun(encode_error(protocol, internal_failure(), response.request_id))

    def _log_full_disk(self, error: StoreFull) -> None:
        now = time.monotonic()
        is_due = now - self._full_disk_logged_at > FULL_DISK_LOG_SECONDS
        if is_due:
            self._full_disk_logged_at = now
        logger.log(logging.ERROR if is_due else logging.DEBUG, "disk full, request not stored", extra={"error": error})

    def _state(self, scope: Scope) -> dict[str, Any]:
        """Signature and protocol, where the layers inside find them. Raises MalformedHead."""
        for name, value in scope["headers"]:
            if _CONTROL.search(value):  # h11 lets DEL pass, and the S3 store's client does not send it
                raise MalformedHead(f"The header {name.decode('latin-1')} has a control character.")
        headers, query = headers_in(scope), scope["query_string"]
        authorization = parse_authorization(headers, query)
        signing_name = authorization.credential.service if authorization and authorization.credential else ""
        state: dict[str, Any] = scope.setdefault("state", {})
        state["authorization"] = authorization
        state["protocol"] = protocol_of(scope["method"], scope["path"], headers, signing_name, query)
        return state


def _refuse_fragment(scope: Scope, protocol: Protocol) -> None:
    """Refuse a raw `#`: URL parsers cut a request there, so the layers inside could see different requests."""
    if b"#" not in scope["raw_path"] and b"#" not in scope["query_string"]:
        return
    if protocol is Protocol.S3:
        raise invalid_uri()
    raise MalformedHead("The request target contains a '#'; it must be encoded as %23.")


class _Response:
    """What is sent back; its headers get the request's id."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.request_id = request_id
        self._send = send
        self._has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_begun = True
            headers = list(message.get("headers", ()))
            if all(name.lower() != _ID_HEADER for name, _ in headers):
                headers.append((_ID_HEADER, self.request_id.encode()))
            message = {**message, "headers": headers}
        with no_log_fields():  # a server that is done with this request begins the next one in this context
            await self._send(message)

    async def send_unless_begun(self, reply: Reply) -> None:
        if not self._has_begun:
            await send_reply(self.send, reply)
