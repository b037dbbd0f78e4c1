"""HTTP requests as bytes, for every operation that is served."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any
from urllib.parse import urlencode

from processing_emulator.aws.protocols.model import SERVED, OperationModel, ServiceModel, load_service_model
from tests.contract.fuzz.documents import Raw, a_document, encode

HOST = "localhost"
SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential={key}/20300101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=00"
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request. `whole`: a complete HTTP request, which must be answered; else the server may just hang up."""

    data: bytes
    whole: bool = True
    is_head: bool = False


Play = Iterator[Step]
"""Yields steps; is sent the body of each answer."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A well-formed request of the JSON or query protocol, before it is damaged."""

    method: str = "POST"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def step(self) -> Step:
        """Its bytes."""
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if not any(name.lower() in ("content-length", "transfer-encoding") for name in self.headers):
            lines.append(f"Content-Length: {len(self.body)}")
        head = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n"
        return Step(data=head + self.body, is_head=self.method == "HEAD")


@cache
def models() -> tuple[ServiceModel, ...]:
    """All services that are served."""
    return tuple(load_service_model(service) for service in SERVED)


@cache
def operations() -> tuple[tuple[ServiceModel, OperationModel], ...]:
    """Every operation that is served."""
    return tuple((model, operation) for model in models() for operation in model.operations.values())


def call_of(model: ServiceModel, operation: OperationModel, body: bytes, rng: Random) -> Call:
    """A call as an SDK makes it."""
    key, region = rng.choice(("test", "000000000000", "111122223333")), rng.choice(("us-east-1", "eu-west-3"))
    headers = {
        "Host": HOST,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"{model.target_prefix}.{operation.name}",
        "Authorization": SIGNATURE.format(key=key, region=region, service=model.name),
    }
    return Call(headers=headers, body=body)


def form_of(model: ServiceModel, operation: OperationModel, document: Any, rng: Random) -> Call:
    """The same in the query protocol."""
    fields = [("Action", operation.name), ("Version", rng.choice((model.version, model.version, "", "x")))]
    call = call_of(model, operation, urlencode(fields + list(_flat(document)), errors="replace").encode(), rng)
    headers = {**call.headers, "Content-Type": "application/x-www-form-urlencoded"}
    del headers["X-Amz-Target"]
    return Call(headers=headers, body=call.body)


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flat(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, item in enumerate(value[:20], start=1):
            yield from _flat(item, f"{path}.member.{number}")
    else:
        yield path, value.text if isinstance(value, Raw) else str(value)


def modelled(rng: Random, damage: Callable[[Any, Random], Any] | None, on_bytes: bool = False) -> Step:
    model, operation = rng.choice(operations())
    document = a_document(operation, rng)
    if damage is not None and not on_bytes:
        document = damage(document, rng)
    if not model.target_prefix or rng.random() < 0.03:
        return form_of(model, operation, document, rng).step()
    body = encode(document)
    return call_of(model, operation, damage(body, rng) if damage and on_bytes else body, rng).step()
