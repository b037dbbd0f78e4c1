"""Translates S3 error responses, network errors and disk errors into the project's errors. No other module does."""

import errno
import html
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException

from processing_emulator.errors import (
    DiskFull,
    ObjectStoreRefused,
    ObjectStoreUnreachable,
    StagingFailure,
    UnsafePath,
)

MESSAGE_LIMIT = 400
"""Longest part of a store's message that we quote. A FailureReason has room for 1,024 characters in all."""

NETWORK_ERRORS = (OSError, HTTPException)
"""What http.client raises when a connection cannot be opened, breaks, or does not speak HTTP."""

_BUSY = frozenset({429, 500, 502, 503, 504})
_BUSY_CODES = frozenset({"SlowDown", "RequestTimeout", "InternalError"})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_FILE = frozenset({errno.ELOOP, errno.ENXIO, errno.ENODEV})


@dataclass
class Refusal(Exception):
    """An error response of the store. Does not leave this package."""

    status: int
    code: str
    message: str

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in _BUSY or self.code in _BUSY_CODES


def refusal_of(status: int, body: bytes) -> Refusal:
    """Parse an error response. Without S3's XML in the body, code and message are HTTP's reason phrase."""
    code = element(body, "Code") or _phrase(status).replace(" ", "")
    return Refusal(status=status, code=code, message=element(body, "Message") or _phrase(status))


def changed_since_listed() -> Refusal:
    """The error for an object that differs from its listing."""
    return Refusal(status=412, code="PreconditionFailed", message="the object has changed since it was listed")


def element(body: bytes, name: str) -> str:
    """The text of the first XML element of that name, or an empty string."""
    found = re.search(rf"<{name}>(.*?)</{name}>", body.decode(errors="replace"), re.DOTALL)
    return html.unescape(found.group(1)).strip()[:MESSAGE_LIMIT] if found else ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown Status"


@contextmanager
def translated(operation: str, about: str, host: str, patience_seconds: float) -> Iterator[None]:
    """Turn a Refusal into ObjectStoreRefused and network errors into ObjectStoreUnreachable.

    The sentence is "OPERATION failed for ABOUT: ...", as the service words it (spec 1.8); `host` is the store's.
    `patience_seconds`: how long the request was repeated.
    """
    try:
        yield
    except Refusal as refusal:
        sentence = f"{operation} failed for {about}: {refusal.code} ({refusal.status}): {refusal.message}"
        raise ObjectStoreRefused(sentence, code=refusal.code, status=refusal.status) from refusal
    except NETWORK_ERRORS as error:
        sentence = f"{operation} failed for {about}: Unable to execute request to S3 at {host}: {_plain(error)}"
        if patience_seconds and not isinstance(error, ssl.SSLCertVerificationError):  # which is not repeated
            sentence += f"; tried for {patience_seconds:g} s. Check that the store runs and can be reached from here"
        raise ObjectStoreUnreachable(sentence) from error


def _plain(error: OSError | HTTPException) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return said or str(error) or type(error).__name__


@contextmanager
def on_disk(doing: str) -> Iterator[None]:
    """Turn OSError into DiskFull, UnsafePath or StagingFailure with the sentence "cannot DOING: ..."."""
    try:
        yield
    except OSError as error:
        sentence = f"cannot {doing}: {error.strerror or error}"
        if error.errno in _NO_ROOM:
            raise DiskFull(sentence) from error
        if error.errno in _NO_FILE:
            raise UnsafePath(f"{sentence}; only regular files are staged") from error
        raise StagingFailure(sentence) from error
