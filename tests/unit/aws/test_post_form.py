"""Forms and their policies, whatever comes: read in pieces of any size, and refused with an error of the service."""

import asyncio
import base64
import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processing_emulator.aws.http.body import ClientGone
from processing_emulator.aws.s3.post_form import FormRefused, PostForm
from processing_emulator.aws.s3.post_policy import SizeRange, size_range
from starlette.types import Message, Receive

BOUNDARY = b"bound"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = "2026-01-01T00:00:01Z"


def a_form(content: bytes) -> bytes:
    field = b'--bound\r\nContent-Disposition: form-data; name="Key"\r\n\r\nsome key\r\n'
    file = b'--bound\r\ncontent-disposition: form-data; name="file"; filename="a b"\r\n\r\n%s\r\n' % content
    more = b'--bound\r\nX-Odd: %s\r\nContent-Disposition: form-data; name="more"\r\n\r\nread over\r\n' % (b"x" * 100)
    return field + file + more + b"--bound--\r\n"


def in_pieces(body: bytes, cuts: Iterable[int]) -> Receive:
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    pieces = [body[start:end] for start, end in pairwise(places)] or [b""]
    messages: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": number + 1 < len(pieces)}
        for number, piece in enumerate(pieces)
    ]
    remaining = iter(messages)

    async def receive() -> Message:
        return next(remaining, {"type": "http.disconnect"})

    return receive


async def read(receive: Receive) -> tuple[PostForm, bytes]:
    form = PostForm(receive, BOUNDARY)
    await form.read_fields()
    content, more = b"", True
    while more:
        part, more = await form.read_file()
        content += part
    return form, content


@given(st.binary(max_size=200).filter(lambda content: b"--bound" not in content), st.lists(st.integers(0, 10_000)))
def test_form_is_read_in_pieces_of_any_size(content: bytes, cuts: list[int]) -> None:
    form, found = asyncio.run(read(in_pieces(a_form(content), cuts)))
    assert (form.fields, form.filename, found) == ({"key": "some key"}, "a b", content)


@given(st.lists(st.sampled_from([b"--bound", b"\r\n", b"--", b'content-disposition: form-data; name="file"', b"\xff"])))
def test_what_is_no_form_is_refused(parts: list[bytes]) -> None:
    with suppress(FormRefused, ClientGone):
        asyncio.run(read(in_pieces(b"".join(parts), [])))


def encoded(policy: object) -> str:
    return base64.b64encode(json.dumps(policy).encode()).decode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    st.sampled_from([LATER, "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "never"]),
    JSON | st.lists(st.tuples(st.sampled_from(["eq", "starts-with", "content-length-range"]), JSON, JSON)),
)
def test_policy_of_any_kind_is_read_or_refused(expiration: str, conditions: Any) -> None:
    policy = encoded({"expiration": expiration, "conditions": conditions})
    with suppress(FormRefused):
        size_range("bkt", {"key": "k", "policy": policy}, NOW)


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ([], "Extra input fields: key"),
        ([{"key": "k"}], "Extra input fields: bucket"),
        ([{"KEY": "k"}, {"bucket": "bkt"}], None),
        ([{"key": "k", "bucket": "other"}], 'Policy Condition failed: ["eq", "$bucket", "other"]'),
        ([["starts-with", "$key", ""], {"bucket": "bkt"}], None),
        ([["STARTS-WITH", "$Key", "x"]], 'Policy Condition failed: ["starts-with", "$Key", "x"]'),
        ([{"key": "k"}, {"acl": "private"}], 'Policy Condition failed: ["eq", "$acl", "private"]'),
    ],
)
def test_fields_are_held_to_the_conditions(conditions: list[Any], found: str | None) -> None:
    fields = {"key": "k", "x-ignore-me": "x", "policy": encoded({"expiration": LATER, "conditions": conditions})}
    if found is None:
        assert size_range("bkt", fields, NOW) == SizeRange()
    else:
        with pytest.raises(FormRefused) as caught:
            size_range("bkt", fields, NOW)
        assert caught.value.error.message == f"Invalid according to Policy: {found}"


def test_every_range_of_sizes_holds() -> None:
    conditions = [{"key": "k", "bucket": "bkt"}, ["content-length-range", 0, 2], ["content-length-range", 1, 100]]
    fields = {"key": "k", "policy": encoded({"expiration": LATER, "conditions": conditions})}
    assert size_range("bkt", fields, NOW) == SizeRange(least=1, most=2)


@pytest.mark.parametrize("value", [None, True, 1.5, ["k"], {"a": 1}], ids=str)
def test_condition_on_anything_but_a_text_is_no_policy(value: object) -> None:
    for condition in ({"key": value}, ["eq", "$key", value], ["eq", value, "k"], [value, "$key", "k"]):
        fields = {"key": "k", "policy": encoded({"expiration": LATER, "conditions": [condition]})}
        with pytest.raises(FormRefused) as caught:
            size_range("bkt", fields, NOW)
        assert caught.value.error.code == "InvalidPolicyDocument"


def test_policy_that_is_nested_deeply_is_refused() -> None:
    conditions = '[{"key": ' + '{"a":' * 900 + "1" + "}" * 900 + "}]"
    policy = base64.b64encode(f'{{"expiration": "{LATER}", "conditions": {conditions}}}'.encode()).decode()
    with pytest.raises(FormRefused):
        size_range("bkt", {"key": "k", "policy": policy}, NOW)


def test_policy_is_over_at_its_expiration() -> None:
    fields = {"policy": encoded({"expiration": NOW.isoformat(), "conditions": []})}
    with pytest.raises(FormRefused, match="Policy expired"):
        size_range("bkt", fields, NOW)
