"""Python's garbage collector while the server starts."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def put_off_collection() -> Iterator[None]:
    """Nothing is collected inside: what is imported stays, and walking it again and again is a sixth of a start.

    What there is at the end is set apart, so that later collections do not walk it either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
