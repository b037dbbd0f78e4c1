"""Reads an upload by an HTML form (`multipart/form-data`): its fields first, then the file as it comes."""

from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.types import Message, Receive

from processing_emulator.aws.http.body import ClientGone
from processing_emulator.aws.protocols.wire_errors import WireError

_LONGEST_FIELDS: Final = 20 * 1024
"""S3's limit for the form without the file."""

_FILE: Final = "file"

_MALFORMED: Final = WireError(
    code="MalformedPOSTRequest",
    message="The body of your POST request is not well-formed multipart/form-data.",
)
_NO_FILE: Final = WireError(code="InvalidArgument", message="POST requires exactly one file upload per request.")
_TOO_LONG: Final = WireError(
    code="MaxPostPreDataLengthExceeded",
    message="Your POST request fields preceding the upload file were too large.",
)


class FormRefused(Exception):
    """The form is refused; `error` says why."""

    def __init__(self, error: WireError) -> None:
        super().__init__(error.message)
        self.error = error


class PostForm:
    """One form. `fields` have lower-case names; what follows the file is read over, as S3 does."""

    def __init__(self, receive: Receive, boundary: bytes) -> None:
        """Raises FormRefused for a boundary that no form may have."""
        self.fields: dict[str, str] = {}
        self.filename = ""
        self._receive = receive
        self._boundary = boundary
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._value = bytearray()
        self._length = 0
        self._has_file = False
        self._goes_on = True
        self._file_is_over = False
        self._parser = _parser(boundary, self)

    async def read_fields(self) -> None:
        """Read up to the file. Raises ClientGone, FormRefused."""
        while not self._has_file:
            if not await self._feed() and not self._has_file:
                raise FormRefused(_NO_FILE)

    async def read_file(self) -> tuple[bytes, bool]:
        """The next part of the file, and whether more follows. Raises ClientGone, FormRefused."""
        while not self._value and not self._file_is_over:
            await self._feed()
        part, self._value = bytes(self._value), bytearray()
        return part, not self._file_is_over

    async def read_to_end(self) -> None:
        """Read over what follows the file. Raises ClientGone, FormRefused."""
        while self._goes_on:
            await self._feed()

    async def _feed(self) -> bool:
        """Take the next message; whether more of the form follows."""
        message: Message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body, more = message.get("body", b""), message.get("more_body", False)
        self._goes_on = more
        try:
            self._parser.write(body)
        except FormParserError as error:
            raise FormRefused(_MALFORMED) from error
        unfinished = 0 if self._has_file else len(self._value)
        if self._length + unfinished > _LONGEST_FIELDS:
            raise FormRefused(_TOO_LONG)
        if self._has_file and not more and not self._file_is_over:
            raise FormRefused(_MALFORMED)
        return bool(more)

    def on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[bytes(self._header_name).lower()] = bytes(self._header_value)
        self._header_name, self._header_value = bytearray(), bytearray()

    def on_headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._headers = {}
        if self._has_file:
            return
        self._name = options.get(b"name", b"").decode("utf-8", "replace").lower()
        if self._name == _FILE:
            self._has_file = True
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace")

    def on_data(self, data: bytes, start: int, end: int) -> None:
        if not self._file_is_over:
            self._value += data[start:end]

    def on_part_end(self) -> None:
        if self._has_file:
            self._file_is_over = True
        else:
            self.fields[self._name] = self._value.decode("utf-8", "replace")
            self._length += len(self._boundary) + len(self._name) + len(self._value)
            self._value = bytearray()


def _parser(boundary: bytes, form: PostForm) -> MultipartParser:
    try:
        return MultipartParser(
            boundary,
            {
                "on_header_field": form.on_header_name,
                "on_header_value": form.on_header_value,
                "on_header_end": form.on_header_end,
                "on_headers_finished": form.on_headers_end,
                "on_part_data": form.on_data,
                "on_part_end": form.on_part_end,
            },
        )
    except FormParserError as error:
        raise FormRefused(_MALFORMED) from error
