"""The variables that point AWS clients at the server, as lines for a POSIX shell."""

import os
import shlex

from emulator.config import Settings

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # what to call, not what to bind


def client_variables(settings: Settings) -> dict[str, str]:
    """What an AWS client needs to find the server; S3 goes through it too."""
    host = ANY_ADDRESS.get(settings.host, settings.host)
    access_key, secret_key = next(iter(settings.client_keys().items()))
    return {
        "AWS_ENDPOINT_URL": f"http://{f'[{host}]' if ':' in host else host}:{settings.port}",
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key.get_secret_value(),
        "AWS_REGION": settings.s3_region,
        "AWS_DEFAULT_REGION": settings.s3_region,
        "NO_PROXY": _no_proxy(host),
    }


def _no_proxy(host: str) -> str:
    """A company's proxy has no business with this address; what was there stays."""
    names = [name for name in os.environ.get("NO_PROXY", "").split(",") if name]
    return ",".join(dict.fromkeys([*names, host, "localhost"]))


def shell_lines(settings: Settings) -> str:
    """`export` lines, quoted; a session token left from real AWS would break every signature, so it goes."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in client_variables(settings).items()]
    return "\n".join([*lines, "unset AWS_SESSION_TOKEN AWS_PROFILE"])
