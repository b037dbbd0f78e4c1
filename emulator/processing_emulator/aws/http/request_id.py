"""The id that a request is logged and answered with."""

from uuid import uuid4


def new_request_id() -> str:
    """A random UUID, as AWS has it."""
    return str(uuid4())
