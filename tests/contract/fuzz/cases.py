"""What is sent: case number i of a seed is always the same, whatever was sent before."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from tests.contract.fuzz.calls import Play, call_of, modelled, operations
from tests.contract.fuzz.documents import a_create_request, a_document, a_job_name, encode, spoil, spoil_bytes
from tests.contract.fuzz.noise import garbage, odd_framing, odd_request


def valid(rng: Random) -> Play:
    """A request that follows its model."""
    yield modelled(rng, None)


def nearly_valid(rng: Random) -> Play:
    """One with one wrong part, or a few."""

    def damage(document: Any, rng: Random) -> Any:
        for _ in range(rng.choice((1, 1, 1, 3))):
            document = spoil(document, rng)
        return document

    yield modelled(rng, damage)


def damaged(rng: Random) -> Play:
    """One that is broken as JSON or as text."""
    yield modelled(rng, spoil_bytes, on_bytes=True)


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
