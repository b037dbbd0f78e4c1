"""HTTP requests as bytes: calls of every operation that is served, and noise that no client would send.

Case number i of a seed is always the same, whatever was sent before.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from emulator.aws.model import SERVED, OperationModel, ServiceModel, load_service_model
from tests.contract.fuzz.documents import Raw, a_create_request, a_document, a_job_name, encode, spoil, spoil_bytes

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


def _modelled(rng: Random, damage: Callable[[Any, Random], Any] | None, on_bytes: bool = False) -> Step:
    model, operation = rng.choice(operations())
    document = a_document(operation, rng)
    if damage is not None and not on_bytes:
        document = damage(document, rng)
    if not model.target_prefix or rng.random() < 0.03:
        return form_of(model, operation, document, rng).step()
    body = encode(document)
    return call_of(model, operation, damage(body, rng) if damage and on_bytes else body, rng).step()


def valid(rng: Random) -> Play:
    """A request that follows its model."""
    yield _modelled(rng, None)


def nearly_valid(rng: Random) -> Play:
    """One with one wrong part, or a few."""

    def damage(document: Any, rng: Random) -> Any:
        for _ in range(rng.choice((1, 1, 1, 3))):
            document = spoil(document, rng)
        return document

    yield _modelled(rng, damage)


def damaged(rng: Random) -> Play:
    """One that is broken as JSON or as text."""
    yield _modelled(rng, spoil_bytes, on_bytes=True)


def life_of_a_job(rng: Random) -> Play:
    """Create, look, list, tag, stop, delete in any order, tokens of answers used again."""
    name = a_job_name(rng)
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:processing-job/{name.lower()}"
    token: Any = None
    create = next(pair for pair in operations() if pair[1].name == "CreateProcessingJob")
    yield call_of(*create, encode({**a_create_request(rng), "ProcessingJobName": name}), rng).step()
    for _ in range(rng.randint(2, 6)):
        model, operation = rng.choice([pair for pair in operations() if pair[0].target_prefix])
        document = a_document(operation, rng)
        members = operation.input.members
        document |= {key: value for key, value in (("ProcessingJobName", name), ("ResourceArn", arn)) if key in members}
        for key in ("NextToken", "nextToken"):
            if key in members and token is not None:
                document[key] = token
        answer = yield call_of(model, operation, encode(document), rng).step()
        token = _token_in(answer)  # type: ignore[arg-type]  # what `send` gives


def _token_in(answer: bytes) -> str | None:
    for mark in (b'oken":"', b'NextToken":"'):
        if mark in answer:
            return answer.partition(mark)[2].partition(b'"')[0].decode(errors="replace")
    return None


_ODD_TEXT = (
    "",
    "x",
    "*/*",
    "application/x-amz-json-1.0",
    "application/json; charset=utf-16",
    "text/html",
    "a" * 3000,
    "é\x7f",
    "SageMaker.CreateProcessingJob",
    "SageMaker.CreateTrainingJob",
    "Logs_20140328.PutLogEvents",
    "sagemaker.describeprocessingjob",
    "null",
    "Credential=/////aws4_request",
    "AWS4-HMAC-SHA256 Credential=a/b/../sagemaker/aws4_request",
    "AWS4-HMAC-SHA256 Credential=a/b/us-east-1/s3/aws4_request",
    "AWS4-HMAC-SHA256 Credential=a/b/us-east-1/monitoring/aws4_request",
    "Bearer x",
    "http://evil.example",
    "localhost:99999",
    "[::1",
    "rpc-v2-cbor",
    "-1",
    "gzip",
    "aws-chunked",
)
_HEADERS = (
    "Host",
    "Origin",
    "Authorization",
    "Content-Type",
    "X-Amz-Target",
    "Smithy-Protocol",
    "Content-Encoding",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "Expect",
    "Accept-Encoding",
    "Range",
    "Cookie",
    "X-Forwarded-For",
)
_PATHS = (
    "/",
    "//",
    "/_emulator",
    "/_emulator/",
    "/_emulator/health",
    "/_emulator/jobs/{name}",
    "/_emulator/jobs/{name}?account={odd}&region={odd}",
    "/_emulator/jobs/{name}/logs?host={odd}&from={odd}&limit={odd}",
    "/_emulator/jobs/{odd}",
    "/_emulator/{odd}",
    "/_emulator/../x",
    "/_emulator/%2e%2e/%00",
    "/service/GraniteServiceVersion20100801/operation/GetMetricData",
    "/service/{odd}/operation/{odd}",
    "/bkt/{odd}",
    "/bkt?list-type=2&prefix={odd}",
    "/{odd}?x={odd}",
    "*",
    "@localhost:1/x",
    ":1/x",
    "http://evil.example/x",
    "{odd}",
)


def odd_request(rng: Random) -> Play:
    """A request whose method, path and headers do not fit together."""
    model, operation = rng.choice(operations())
    headers = dict(call_of(model, operation, b"", rng).headers)
    for _ in range(rng.randint(1, 4)):
        name = rng.choice(_HEADERS)
        headers[name] = rng.choice(_ODD_TEXT)
        if rng.random() < 0.3:
            headers.pop(rng.choice(_HEADERS), None)
    method = rng.choice(("POST", "POST", "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"))
    path = rng.choice(_PATHS) if rng.random() < 0.5 else "/"
    while "{odd}" in path:
        path = path.replace("{odd}", quote(rng.choice((*_ODD_TEXT, "%", "../..", "\0", "\ud83d"[:0], "1e9", "-5"))), 1)
    body = rng.choice((b"", b"{}", encode(a_document(operation, rng)), rng.randbytes(50)))
    yield Call(method=method, path=path.replace("{name}", a_job_name(rng)), headers=headers, body=body).step()


def odd_framing(rng: Random) -> Play:
    """A body that is chunked, cut off, too long, announced by Expect, or followed by more requests."""
    model, operation = rng.choice(operations())
    body = encode(a_document(operation, rng))
    call = call_of(model, operation, body, rng)
    headers = dict(call.headers)
    match rng.randrange(7):
        case 0:
            chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
            yield Call(headers={**headers, "Transfer-Encoding": "chunked"}, body=chunked).step()
        case 1:
            bad = rng.choice((b"zz\r\nxx\r\n", b"5\r\nab", b"ffffffffffffffffffff\r\n", b"-1\r\n\r\n"))
            damaged_step = Call(headers={**headers, "Transfer-Encoding": "chunked"}, body=bad).step()
            yield Step(data=damaged_step.data, whole=False)
        case 2:
            long = Call(headers={**headers, "Content-Length": str(len(body) + rng.randint(1, 10**9))}, body=body).step()
            yield Step(data=long.data, whole=False)
        case 3:
            yield Call(headers={**headers, "Expect": "100-continue"}, body=body).step()
        case 4:
            size = rng.choice((1024**2, 1024**2 + 1, 3 * 1024**2)) if rng.random() < 0.05 else 70_000
            yield Call(headers=headers, body=body + b" " * size).step()
        case 5:
            length = rng.choice(("-1", "1e3", "99999999999999999999", "0x5", "5, 5", "abc"))
            yield Step(data=Call(headers={**headers, "Content-Length": length}, body=body).step().data, whole=False)
        case _:
            yield Step(data=call.step().data * rng.randint(2, 5), whole=False)


def garbage(rng: Random) -> Play:
    """Bytes that are no request."""
    match rng.randrange(4):
        case 0:
            data = rng.randbytes(rng.choice((1, 10, 1000)))
        case 1:
            data = rng.choice(
                (b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            )
        case 2:
            data = b"POST / HTTP/1.1\r\nHost: x\r\nX: " + rng.choice(
                (b"a" * 100_000, b"\0", b"\xff\r\nY", b"a\r\n b\r\n")
            )
        case _:
            whole = _modelled(rng, None).data
            data = whole[: rng.randrange(len(whole))]
    yield Step(data=data, whole=False)


KINDS: Mapping[Callable[[Random], Play], int] = {
    valid: 25,
    nearly_valid: 30,
    damaged: 10,
    life_of_a_job: 8,
    odd_request: 17,
    odd_framing: 6,
    garbage: 4,
}
"""What is sent, and how often."""


def case(seed: int, index: int) -> tuple[str, Play]:
    """The name of a kind, and the play of it that this number stands for."""
    rng = Random(f"{seed}:{index}")  # nothing secret
    kind = rng.choices(tuple(KINDS), weights=tuple(KINDS.values()))[0]
    return kind.__name__, kind(rng)
