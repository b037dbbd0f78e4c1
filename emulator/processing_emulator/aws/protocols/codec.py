"""What a wire protocol does: find out what a request asks for, decode it, encode its reply or its error."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeAlias

from processing_emulator.aws.protocols.model import OperationModel, Shape
from processing_emulator.aws.protocols.wire_errors import ErrorForms, WireError
from processing_emulator.jobs.changes import JobState

Decoder: TypeAlias = Callable[["WireRequest"], dict[str, Any]]
"""From a request to the members of one shape, of the model's types but not validated. Raises MalformedBody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRequest:
    """A whole request. Header names are lower-case; `signing_name` is the service that the signature names."""

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, str]
    body: bytes
    signing_name: str = ""


class Chunks(NamedTuple):
    """A body that goes on: each part is made in a worker thread, an interval after the one before it was sent."""

    bodies: Iterator[bytes]
    interval_seconds: float


class Reply(NamedTuple):
    """A reply. `headers` are those besides content type, content length and request id.

    The body is whole, or comes in `chunks`. `state` is that of the job it is about, if a client may wait for another.
    """

    status: int = 200
    body: bytes = b""
    media_type: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    chunks: Chunks | None = None
    state: JobState | None = None


class ServiceKey(Enum):
    """What a protocol names a service by; each model has one value of each."""

    TARGET_PREFIX = "target prefix"
    SIGNING_NAME = "signing name"
    API_VERSION = "API version"


class Address(NamedTuple):
    """The operation a request asks for. `version` is None where the protocol does not state it."""

    key: ServiceKey
    service: str
    operation: str
    version: str | None = None


class Codec(Protocol):
    """One wire protocol. Stateless, so that one instance serves all services and threads."""

    @property
    def error_forms(self) -> ErrorForms:
        """How this protocol words errors, unless a service words them itself."""
        ...

    def address(self, request: WireRequest) -> Address:
        """What the request asks for, served or not. Raises RequestError when it does not say."""
        ...

    def decoder(self, shape: Shape) -> Decoder:
        """A decoder of requests of this shape; made once per operation."""
        ...

    def encode(self, operation: OperationModel, reply: Mapping[str, object] | None, request_id: str, /) -> Reply:
        """The reply of an operation; None where the service answers with an empty body."""
        ...

    def encode_error(self, error: WireError, request_id: str, /) -> Reply:
        """An error, of a service or of the way to it."""
        ...
