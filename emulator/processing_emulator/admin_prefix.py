"""Where the emulator's own endpoints are, which routing, endpoints and command line must agree on."""

from typing import Final

ADMIN_PREFIX: Final = "/_emulator"
"""No bucket's name begins with an underscore."""
