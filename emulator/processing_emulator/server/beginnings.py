"""What the answers of a server begin with, made once for all that begin alike."""

from http import HTTPStatus
from typing import Final

_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Beginnings:
    """Status line, default headers and content type, as bytes. Not for several threads at once."""

    __slots__ = ("_default_headers", "_known")

    def __init__(self) -> None:
        self._default_headers: list[tuple[bytes, bytes]] | None = None
        self._known: dict[tuple[int, str], bytes] = {}

    def of(self, status: int, media_type: str, default_headers: list[tuple[bytes, bytes]]) -> bytes:
        """The lines of such an answer, each with its end.

        `default_headers` are known by the list they are in, which uvicorn makes anew, with the date, once a second.
        """
        if default_headers is not self._default_headers:
            self._default_headers = default_headers
            self._known = {}
        known = self._known.get((status, media_type))
        if known is None:
            lines = b"".join([b"%b: %b\r\n" % header for header in default_headers])
            known = b"%b%bcontent-type: %b\r\n" % (_STATUS_LINES[status], lines, media_type.encode())
            self._known[status, media_type] = known
        return known
