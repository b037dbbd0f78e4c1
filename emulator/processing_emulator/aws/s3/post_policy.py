"""The policy of an upload by a form: what its fields and its size may be, and until when.

Source: "POST Policy" in the API reference of S3. The signature is not checked here; nothing of this store's is.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from processing_emulator.aws.protocols.wire_errors import WireError
from processing_emulator.aws.s3.post_form import FormRefused

_LARGEST_BYTES: Final = 5 * 1024**3
"""Of an object that comes in one request."""

_UNNAMED: Final = frozenset({"policy", "signature", "x-amz-signature", "awsaccesskeyid", "file"})
"""Fields that no policy has to name."""

_TOO_LARGE: Final = WireError(
    code="EntityTooLarge", message="Your proposed upload exceeds the maximum allowed object size."
)
_TOO_SMALL: Final = WireError(
    code="EntityTooSmall", message="Your proposed upload is smaller than the minimum allowed object size."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRange:
    """How many bytes the file may have, both ends included."""

    least: int = 0
    most: int = _LARGEST_BYTES

    def check(self, size: int, *, is_whole: bool) -> None:
        """Compare what has come so far. Raises FormRefused."""
        if size > self.most:
            raise FormRefused(_TOO_LARGE)
        if is_whole and size < self.least:
            raise FormRefused(_TOO_SMALL)


def size_range(bucket: str, fields: Mapping[str, str], now: datetime) -> SizeRange:
    """Check the fields (names in lower case, variables replaced). Raises FormRefused.

    A form without a policy is an upload by nobody in particular, which this store takes.
    """
    if "policy" not in fields:
        return SizeRange()
    expiration, conditions = _read(fields["policy"])
    if expiration <= now:
        raise _denied("Policy expired.")
    sizes, named = SizeRange(), set(_UNNAMED)
    for operator, subject, value in conditions:
        if operator == "content-length-range":
            sizes = SizeRange(least=max(int(subject), sizes.least), most=min(int(value), sizes.most))
            continue
        name = subject.removeprefix("$").lower()
        named.add(name)
        found = bucket if name == "bucket" else fields.get(name, "")
        if not (found.startswith(value) if operator == "starts-with" else found == value):
            raise _denied(f"Policy Condition failed: {json.dumps([operator, subject, value])}")
    for name in (*fields, "bucket"):
        if name not in named and not name.startswith("x-ignore-"):
            raise _denied(f"Extra input fields: {name}")
    return sizes


def _read(policy: str) -> tuple[datetime, list[tuple[str, Any, Any]]]:
    try:
        document = orjson.loads(base64.b64decode(policy, validate=True))
        expiration = datetime.fromisoformat(document["expiration"])
        conditions = [condition for written in document["conditions"] for condition in _conditions(written)]
    except (ValueError, KeyError, TypeError) as error:
        raise FormRefused(WireError(code="InvalidPolicyDocument", message="Invalid Policy: Invalid JSON.")) from error
    return expiration.replace(tzinfo=expiration.tzinfo or UTC), conditions


def _conditions(written: object) -> Iterator[tuple[str, Any, Any]]:
    """As triples of operator, subject and value. Raises ValueError, TypeError."""
    if isinstance(written, dict):
        for name, value in written.items():
            yield "eq", f"${name}", _text(value)
        return
    if not isinstance(written, list):
        raise TypeError("a condition is a list or an object")
    operator, subject, value = written
    operator = _text(operator).lower()
    if operator == "content-length-range":
        yield operator, int(subject), int(value)
    elif operator in ("eq", "starts-with"):
        yield operator, _text(subject), _text(value)
    else:
        raise ValueError(f"{operator} is no operator of a policy")


def _text(value: object) -> str:
    if type(value) is not str and type(value) is not int:
        raise ValueError("a condition compares texts")
    return str(value)


def _denied(reason: str) -> FormRefused:
    return FormRefused(WireError(code="AccessDenied", message=f"Invalid according to Policy: {reason}", status=403))
