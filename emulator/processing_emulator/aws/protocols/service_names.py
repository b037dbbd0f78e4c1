"""Services by the names people know ("CloudWatch", "KMS"), from the metadata of botocore's models.

Requests name services by target prefixes such as GraniteServiceVersion20100801, which belong in no message.
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import botocore

from processing_emulator.aws.protocols.codec import Address, ServiceKey

_HEAD_BYTES: Final = 4096
_METADATA: Final = re.compile(r'"metadata":\s*')
"""At the beginning of every model: a few kilobytes of each are enough."""


def name_of(address: Address) -> str | None:
    """The name of the service that an address is of; None when no known service is addressed so."""
    match address.key:
        case ServiceKey.TARGET_PREFIX:
            return _names_by_target_prefix().get(address.service)
        case ServiceKey.SIGNING_NAME:
            return name_of_signing(address.service)
        case ServiceKey.API_VERSION:
            return None  # several services may have had an API of one day


def name_of_signing(signing_name: str) -> str | None:
    """The name of the service that signatures name so."""
    return _names_by_signing_name().get(signing_name)


@cache
def _names_by_target_prefix() -> Mapping[str, str]:
    return {metadata["targetPrefix"]: metadata["serviceId"] for _, metadata in _models() if "targetPrefix" in metadata}


@cache
def _names_by_signing_name() -> Mapping[str, str]:
    """Several services may share a signing name; the one whose folder has that name is meant."""
    names: dict[str, str] = {}
    for folder, metadata in _models():
        signing_name = metadata.get("signingName", metadata["endpointPrefix"])
        if folder == signing_name:
            names[signing_name] = metadata["serviceId"]
        else:
            names.setdefault(signing_name, metadata["serviceId"])
    return names


def _models() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All of botocore's services: folder and metadata."""
    for path in sorted((Path(botocore.__file__).parent / "data").glob("*/*/service-2.json.gz")):
        with path.open("rb") as file:
            head = zlib.decompressobj(wbits=31).decompress(file.read(_HEAD_BYTES)).decode(errors="replace")
        begin = _METADATA.search(head)
        if begin is not None:
            yield path.parents[1].name, json.JSONDecoder().raw_decode(head, begin.end())[0]
