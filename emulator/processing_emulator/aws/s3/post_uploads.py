"""Uploads by an HTML form (presigned POST), for whose policy the store looks up keys that it does not know.

The form is checked here, and its file handed on as a PUT of the object while it comes.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from python_multipart.multipart import parse_options_header
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.http.body import ClientGone
from processing_emulator.aws.http.reply import send_s3_error
from processing_emulator.aws.protocols.wire_errors import WireError
from processing_emulator.aws.s3.held_response import HeldAnswer
from processing_emulator.aws.s3.post_answer import say_done
from processing_emulator.aws.s3.post_form import FormRefused, PostForm
from processing_emulator.aws.s3.post_policy import SizeRange, size_range
from processing_emulator.aws.s3.target import Target, subjects_of, target_of
from processing_emulator.ports import Clock

_HEADERS: Final = frozenset(
    {"cache-control", "content-type", "content-disposition", "content-encoding", "content-language", "expires"}
)
_AMAZONS: Final = re.compile(
    "x-amz-(?:acl|storage-class|tagging|website-redirect-location"
    "|(?:meta|checksum|object-lock)-.+|server-side-encryption(?:-.+)?)"
)
"""What else a form may say of its object: nothing of signatures, framing or other objects."""

_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_VARIABLE: Final = "${filename}"
_WELL: Final = 200

_NO_KEY: Final = WireError(
    code="InvalidArgument",
    message="Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
)


class PostUploads:
    """Turns forms into uploads, and the store's answers into those of a form."""

    def __init__(self, store: ASGIApp, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        boundary = _boundary_of(scope)
        target = target_of(scope)
        if boundary is None or not target.bucket or target.key or subjects_of(scope):
            await self._store(scope, receive, send)
            return
        try:
            form = PostForm(receive, boundary)
            await form.read_fields()
            fields = _replaced(form)
            sizes = size_range(target.bucket, fields, self._clock.now())
            upload = _upload(scope, fields)
        except ClientGone:
            return
        except FormRefused as refused:
            await send_s3_error(send, refused.error)
            return
        body, answer = _File(form, receive, sizes), HeldAnswer()
        await self._store(upload, body.receive, answer.send)
        if body.fault is not None:
            await send_s3_error(send, body.fault)
            return
        if answer.status == _WELL:
            say_done(answer, Target(target.bucket, fields["key"]), fields, upload)
        await answer.release(send)


class _File:
    """The file of a form as the body of a request. `fault` is set once it is refused; the reader hears of no more."""

    def __init__(self, form: PostForm, receive: Receive, sizes: SizeRange) -> None:
        self.fault: WireError | None = None
        self._form = form
        self._receive = receive
        self._sizes = sizes
        self._size = 0
        self._more = True

    async def receive(self) -> Message:
        """The next message of the body; after it, what else the client has to say."""
        if not self._more:
            return await self._receive()
        try:
            part, self._more = await self._form.read_file()
            if not self._more:
                await self._form.read_to_end()  # whoever checks the whole form has the last word
            self._size += len(part)
            self._sizes.check(self._size, is_whole=not self._more)
        except ClientGone:
            return {"type": "http.disconnect"}
        except FormRefused as refused:
            self.fault = refused.error
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": self._more}


def _boundary_of(scope: Scope) -> bytes | None:
    """None: no form."""
    if scope["method"] != "POST":
        return None
    media_type, options = parse_options_header(dict(scope["headers"]).get(b"content-type"))
    return options.get(b"boundary") if media_type == b"multipart/form-data" else None


def _replaced(form: PostForm) -> Mapping[str, str]:
    """The fields with the file's name, less its folders, where they ask for it. Raises FormRefused."""
    filename = form.filename.replace("\\", "/").rpartition("/")[2]
    fields = {name: value.replace(_VARIABLE, filename) for name, value in form.fields.items()}
    if not fields.get("key"):
        raise FormRefused(_NO_KEY)
    return fields


def _upload(scope: Scope, fields: Mapping[str, str]) -> Scope:
    """The PUT of the same object. Raises FormRefused."""
    bucket = scope["raw_path"].rstrip(b"/")  # empty where the host names it
    kept = [(name, value) for name, value in scope["headers"] if not _is_of_the_object(name.lower())]
    headers = [*kept, *_headers_of(fields), (b"transfer-encoding", b"chunked")]
    path = bucket + b"/" + quote(fields["key"], safe="/~").encode()
    return {**scope, "method": "PUT", "raw_path": path, "headers": headers}


def _is_of_the_object(name: bytes) -> bool:
    """Headers of the form's request that a PUT would store, or that speak of the whole form."""
    return name.startswith((b"content-", b"x-amz-")) or name in (b"cache-control", b"expires", b"transfer-encoding")


def _headers_of(fields: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    headers = []
    for name, value in fields.items():
        if name == "tagging":
            raise FormRefused(_invalid("tagging is not part of this emulator's forms; use PutObjectTagging afterwards"))
        if name != "acl" and name not in _HEADERS and not _AMAZONS.fullmatch(name):
            continue
        if not _NAME.fullmatch(name) or _CONTROL.search(value):
            raise FormRefused(_invalid(f"The field {name[:64]} would make no header."))
        headers.append((b"x-amz-acl" if name == "acl" else name.encode(), value.encode()))
    return headers


def _invalid(message: str) -> WireError:
    return WireError(code="InvalidArgument", message=message)
