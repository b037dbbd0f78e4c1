"""The id that a request is logged and answered with: in the form of a random UUID, at a fraction of its price."""

from random import getrandbits


def new_request_id() -> str:
    """Not a secret: it is in the reply's headers."""
    digits = f"{getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
