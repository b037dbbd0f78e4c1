"""Requests that no client would send."""

from random import Random
from urllib.parse import quote

from tests.contract.fuzz.calls import Call, Play, Step, call_of, modelled, operations
from tests.contract.fuzz.documents import a_document, a_job_name, encode

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
    "/_emulator/jobs?account={odd}&region={odd}&status={odd}&after={odd}",
    "/_emulator/jobs?name_contains={odd}&limit={odd}",
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
        path = path.replace("{odd}", quote(rng.choice((*_ODD_TEXT, "%", "../..", "\0", "1e9", "-5"))), 1)
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
            whole = modelled(rng, None).data
            data = whole[: rng.randrange(len(whole))]
    yield Step(data=data, whole=False)
