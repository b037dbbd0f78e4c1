"""Puts images of any platform into a registry, over its HTTP API."""

import gzip
import hashlib
import io
import json
import tarfile
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryImage:
    """One image. `id`: by which an engine knows it; `digest`: of its manifest, which has `size` bytes."""

    id: str
    digest: str
    size: int
    platform: str


def put_image(host: str, name: str, tag: str, platform: str) -> RegistryImage:
    """A new image with one small file. `platform`: OS/ARCHITECTURE."""
    system, _, architecture = platform.partition("/")
    layer = _layer()
    compressed = gzip.compress(layer)
    config = _json(
        {
            "os": system,
            "architecture": architecture,
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            "history": [{}],
        }
    )
    for blob in (config, compressed):
        _put_blob(host, name, blob)
    kind = "application/vnd.docker.container.image.v1+json"
    layers = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": kind, "size": len(config), "digest": _digest(config)},
            "layers": [{"mediaType": layers, "size": len(compressed), "digest": _digest(compressed)}],
        }
    )
    _put_manifest(host, name, tag, MANIFEST, manifest)
    return RegistryImage(id=_digest(config), digest=_digest(manifest), size=len(manifest), platform=platform)


def put_list(host: str, name: str, tag: str, *images: RegistryImage) -> str:
    """One tag for several platforms; returns its digest."""
    manifests = [
        {
            "mediaType": MANIFEST,
            "size": image.size,
            "digest": image.digest,
            "platform": {"os": image.platform.split("/")[0], "architecture": image.platform.split("/")[1]},
        }
        for image in images
    ]
    document = _json({"schemaVersion": 2, "mediaType": LIST, "manifests": manifests})
    _put_manifest(host, name, tag, LIST, document)
    return _digest(document)


def _layer() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = 16
        tar.addfile(entry, io.BytesIO(uuid.uuid4().bytes))  # no two tests share an image
    return archive.getvalue()


def _put_blob(host: str, name: str, content: bytes) -> None:
    begun = urllib.request.Request(f"http://{host}/v2/{name}/blobs/uploads/", method="POST", data=b"")
    with urllib.request.urlopen(begun) as answer:
        place = answer.headers["Location"]
    url = f"{place}{'&' if '?' in place else '?'}digest={_digest(content)}"
    _put(url, content, "application/octet-stream")


def _put_manifest(host: str, name: str, tag: str, media_type: str, content: bytes) -> None:
    _put(f"http://{host}/v2/{name}/manifests/{tag}", content, media_type)


def _put(url: str, content: bytes, media_type: str) -> None:
    request = urllib.request.Request(url, method="PUT", data=content, headers={"Content-Type": media_type})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
