"""The one identity that the embedded store has: a client that signs with its keys owns every bucket."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

IDENTITY_FILE = "identity.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The keys of the store's only user."""

    access_key: str
    secret_key: str = field(repr=False)


def write_identity(path: Path, identity: Identity) -> None:
    """Write the file that SeaweedFS reads at its start, for its owner only. Raises OSError."""
    keys = {"accessKey": identity.access_key, "secretKey": identity.secret_key}
    document = {"identities": [{"name": "emulator", "credentials": [keys], "actions": ["Admin"]}]}
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file)
