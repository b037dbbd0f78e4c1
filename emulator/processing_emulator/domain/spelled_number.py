"""Numbers as log messages and patterns spell them."""

import re

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")


def spelled_number(text: str) -> float | None:
    """The value of a decimal number, also in scientific notation; None for other texts, such as `nan` and `1_000`."""
    return float(text) if _NUMBER.fullmatch(text) else None
