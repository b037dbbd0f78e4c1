"""An S3 store that lists and serves any keys at all, also those that no real one would take, and keeps what is put."""

import hashlib
import socket
from email.utils import formatdate
from urllib.parse import parse_qs, quote, unquote_to_bytes, urlsplit

from tests.stub_store import Received, StubStore, http, s3_error

_TIME = 1_700_000_000


class AnyKeyStore:
    """One bucket, `bkt`. Change `objects` while no job runs."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.stub = StubStore(self._answer)

    def close(self) -> None:
        self.stub.close()

    def forget(self) -> None:
        """Begin again."""
        self.objects, self.uploads = {}, {}
        self.stub.received.clear()

    def _answer(self, request: Received, connection: socket.socket) -> None:
        method, target, _ = request.line.decode("latin-1").split(" ", 2)
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        if "list-type" in query:
            connection.sendall(self._listing(query.get("prefix", [""])[0]))
            return
        bucket, _, key = unquote_to_bytes(parts.path).decode("utf-8", "surrogateescape")[1:].partition("/")
        if method == "PUT":
            self.uploads[f"{bucket}/{key}"] = request.body
            connection.sendall(http(200, ETag='"x"'))
        elif key in self.objects and bucket == "bkt":
            body = self.objects[key]
            head = http(200, body, ETag=_etag(body), Last_Modified=formatdate(_TIME, usegmt=True))
            connection.sendall(head[: head.index(b"\r\n\r\n") + 4] if method == "HEAD" else head)
        else:
            connection.sendall(http(404) if method == "HEAD" else s3_error(404, "NoSuchKey"))

    def _listing(self, prefix: str) -> bytes:
        rows = "".join(
            f"<Contents><Key>{quote(key, safe='/')}</Key><Size>{len(body)}</Size>"
            f"<ETag>{_etag(body).replace(chr(34), '&quot;')}</ETag>"
            "<LastModified>2023-11-14T22:13:20.000Z</LastModified></Contents>"
            for key, body in self.objects.items()
            if key.startswith(prefix)
        )
        text = f"<ListBucketResult><EncodingType>url</EncodingType>{rows}</ListBucketResult>"
        return http(200, text.encode())


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
