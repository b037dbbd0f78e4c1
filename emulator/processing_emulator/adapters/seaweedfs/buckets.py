"""The names of the embedded store's buckets."""

import re
from http.client import HTTPConnection, HTTPException

from processing_emulator.adapters.s3_store.signing import Credentials, Signer
from processing_emulator.adapters.seaweedfs.command import LOOPBACK
from processing_emulator.adapters.seaweedfs.errors import EmbeddedStoreFailed
from processing_emulator.adapters.seaweedfs.identity import Identity

_TIMEOUT_SECONDS = 10.0
_OK = 200
_NAME = re.compile(rb"<Name>([^<]+)</Name>")


def bucket_names(port: int, identity: Identity) -> list[str]:
    """Ask S3 at this port of the loopback interface. Raises EmbeddedStoreFailed."""
    credentials = Credentials(access_key=identity.access_key, secret_key=identity.secret_key)
    connection = HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_SECONDS)
    try:
        signed = Signer(credentials, "us-east-1").headers("GET", f"{LOOPBACK}:{port}", "/", "")
        connection.request("GET", "/", headers=signed)
        response = connection.getresponse()
        body = response.read()
        if response.status != _OK:
            raise EmbeddedStoreFailed(f"the embedded store does not list its buckets: HTTP status {response.status}")
        return [name.decode() for name in _NAME.findall(body)]
    except (OSError, HTTPException) as error:
        raise EmbeddedStoreFailed(f"the embedded store does not list its buckets: {error}") from error
    finally:
        connection.close()
