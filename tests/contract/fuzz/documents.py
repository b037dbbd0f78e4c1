"""Requests made from the service models: valid ones, and ones with something wrong in them."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from processing_emulator.aws.protocols.model import Kind, OperationModel, Shape
from tests.builders import ROLE, a_request, an_input, an_output
from tests.contract.aws.shapes import smallest

JOBS = 40
"""So few names that requests meet each other's jobs, and that the store stays small."""

STARTED = 1_800_000_000
"""The second in which all jobs that were there before the first request have started."""

_GROUP = "/aws/sagemaker/ProcessingJobs"
_ACCOUNTS = ("000000000000", "111122223333")


def a_job_name(rng: Random) -> str:
    """One of the names that all requests share."""
    return f"{rng.choice(('job', 'Job', 'JOB-'))}{rng.randrange(JOBS)}"


def _an_arn(rng: Random) -> str:
    return f"arn:aws:sagemaker:us-east-1:{rng.choice(_ACCOUNTS)}:processing-job/{a_job_name(rng).lower()}"


_USUAL = frozenset({"logGroupName", "InstanceType"})
"""Members that are not required by the model, but without which little happens."""

_LIKELY: dict[str, Callable[[Random], object]] = {
    "ProcessingJobName": a_job_name,
    "NameContains": a_job_name,
    "ResourceArn": _an_arn,
    "RoleArn": lambda _: ROLE,
    "S3Uri": lambda rng: rng.choice(("s3://bkt/in/", "s3://bkt", "s3://b/k%20k", "http://x")),
    "LocalPath": lambda rng: rng.choice(("/opt/ml/processing/a", "/opt/ml/processing/b/c", "/opt/ml", "../x")),
    "InstanceType": lambda rng: rng.choice(("ml.t3.medium", "ml.m5.xlarge", "ml.p4d.24xlarge")),
    "InstanceCount": lambda _: 1,
    "VolumeSizeInGB": lambda rng: rng.choice((1, 30, 16_384)),
    "S3DataType": lambda _: "S3Prefix",
    "S3InputMode": lambda _: "File",
    "logGroupName": lambda _: _GROUP,
    "logStreamName": lambda rng: f"{a_job_name(rng)}/algo-1-{STARTED}",
    "logStreamNamePrefix": lambda rng: f"{a_job_name(rng)}/",
    "NextToken": lambda rng: rng.choice(("", "x", "e30=", "WzEsMiwzXQ==")),
    "nextToken": lambda rng: rng.choice(("x", "f/" + "0" * 56 + "/s", "WzEsMiwzXQ==")),
}
"""Values that get past the first look, by the names of members."""


def a_value(shape: Shape, rng: Random, name: str = "") -> Any:
    """A value of a shape that breaks few constraints or none."""
    if name in _LIKELY and rng.random() < 0.9:
        return _LIKELY[name](rng)
    low, high = shape.minimum or 0, shape.maximum
    match shape.kind:
        case Kind.STRUCTURE:
            share = rng.choice((0.0, 0.1, 0.5))
            chance = dict.fromkeys(shape.required, 1) | dict.fromkeys(_USUAL, 0.9)
            members = (item for item in shape.members.items() if rng.random() < chance.get(item[0], share))
            return {member: a_value(child, rng, member) for member, child in members}
        case Kind.LIST:
            assert shape.element is not None
            return [a_value(shape.element, rng) for _ in range(rng.randint(low, min(high or 3, max(low, 3))))]
        case Kind.MAP:
            assert shape.element is not None
            assert shape.key is not None
            return {a_value(shape.key, rng): a_value(shape.element, rng) for _ in range(rng.randint(0, 3))}
        case Kind.STRING:
            return _a_string(shape, rng)
        case Kind.BOOLEAN:
            return rng.random() < 0.5
        case Kind.TIMESTAMP:
            return rng.choice((0, 1_800_000_000, 1_800_000_000.123, -1))
        case _:
            return rng.choice(
                (low, high if high is not None else 2**31 - 1, rng.randint(low, min(high or 100, 100_000)))
            )


def _a_string(shape: Shape, rng: Random) -> str:
    if shape.enum:
        return rng.choice(shape.enum)
    try:
        text: str = smallest(shape)
    except StopIteration:  # a pattern that none of the seeds matches
        text = "1" * max(1, shape.minimum or 0)
    if text and rng.random() < 0.3:
        text += text[-1] * rng.choice((1, 50, 300))
    return text[: shape.maximum] if rng.random() < 0.9 else text


def a_create_request(rng: Random) -> dict[str, Any]:
    """A CreateProcessingJob request that is accepted when its name is free."""
    inputs, outputs = rng.choice((None, [], [an_input()])), rng.choice((None, [], [an_output()]))
    more = rng.choice(({}, {"Environment": {"A": "b"}}, {"Tags": [{"Key": "k", "Value": ""}]}))
    return a_request(a_job_name(rng), inputs=inputs, outputs=outputs, **more)


def a_document(operation: OperationModel, rng: Random) -> Any:
    """A request of an operation."""
    if operation.name == "CreateProcessingJob" and rng.random() < 0.6:
        return a_create_request(rng)
    return a_value(operation.input, rng)


class Raw:
    """Text that goes into the document as it is, JSON or not."""

    def __init__(self, text: str) -> None:
        self.text = text


def _nested(rng: Random) -> Raw:
    depth = rng.choice((3, 100, 5000, 100_000))
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
    return Raw(opening * depth + ("1" if opening != "[" else "") + closing * depth)


_ODD: tuple[Callable[[Random], object], ...] = (
    lambda _: None,
    lambda _: {},
    lambda _: [],
    lambda _: "",
    lambda _: [None],
    lambda rng: rng.choice((True, 0, -1, 1.5, 2**31, 2**63, -(2**64), 10**40)),
    lambda rng: Raw(rng.choice(("NaN", "-Infinity", "1e999", "-0.0", "1E+400", "9" * 5000, "0x10", "01", "tru"))),
    lambda rng: rng.choice(("\0", "a\0b", "\ud800", "\udfff\ud800", "\u2028", "\ufeff", "\U0010ffff", "é" * 70)),
    lambda rng: "x" * rng.choice((257, 1025, 40_000, 200_000)),
    lambda rng: rng.choice(("../../etc/passwd", "%00%n%s", "'; DROP TABLE jobs; --", "${jndi:x}", "{{7*7}}")),
    lambda rng: {"x" * rng.choice((1, 300)): rng.choice((1, None, {}))},
    lambda rng: ["x"] * rng.choice((1, 51, 2000)),
    _nested,
)


def spoil(document: Any, rng: Random) -> Any:
    """The document with one place in it replaced, removed or added."""
    place = document
    while isinstance(place, dict | list) and place:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = rng.choice(keys)
        inner = place[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.7:
            place = inner
            continue
        match rng.randrange(4):
            case 0 if isinstance(place, dict):
                del place[key]
            case 1 if isinstance(place, dict):
                place[rng.choice(("Unknown", "", "processingJobName", key + "x"))] = rng.choice(_ODD)(rng)
            case _:
                place[key] = rng.choice(_ODD)(rng)
        return document
    return rng.choice(_ODD)(rng)


def encode(document: Any) -> bytes:
    """The bytes of a document, `Raw` parts as they are; halves of surrogate pairs become their escapes."""
    raws: list[str] = []

    def mark(value: object) -> str:
        assert isinstance(value, Raw)
        raws.append(value.text)
        return f"\x01{len(raws) - 1}\x01"

    text = json.dumps(document, default=mark)
    for number, raw in enumerate(raws):
        text = text.replace(f'"\\u0001{number}\\u0001"', raw)
    return text.encode()


_BYTES: tuple[Callable[[bytes, Random], bytes], ...] = (
    lambda body, _: b"\xef\xbb\xbf" + body,
    lambda body, rng: body[: rng.randint(0, len(body))],
    lambda body, rng: body + rng.choice((b"}", b"\0", b" " * 1000, b"{}", b"\n")),
    lambda body, _: body.decode(errors="replace").encode("utf-16"),
    lambda body, rng: body.replace(b'"', b"'", rng.randint(1, 9)),
    lambda body, rng: body[:1] + b'"' + rng.choice((b"ProcessingJobName", b"a")) + b'":1,' + body[1:],
    lambda body, rng: _with_noise(body, rng),
    lambda body, _: b"[" + body + b"]",
    lambda _, rng: rng.randbytes(rng.choice((0, 1, 100, 5000))),
    lambda _, rng: rng.choice((b"", b"null", b"1", b'"x"', b"[]", b"{", b"\xff", b'{"a":"\xed\xa0\x80"}')),
)


def spoil_bytes(body: bytes, rng: Random) -> bytes:
    """The body damaged below the level of JSON."""
    return rng.choice(_BYTES)(body, rng)


def _with_noise(body: bytes, rng: Random) -> bytes:
    noisy = bytearray(body)
    for _ in range(rng.randint(1, 5)):
        if noisy:
            noisy[rng.randrange(len(noisy))] = rng.randrange(256)
    return bytes(noisy)
