"""Translation of the engine's error messages; one row per message that was observed."""

import pytest
import requests
import urllib3.exceptions

from processing_emulator.adapters.docker_runtime.errors import (
    CANNOT_PULL,
    MESSAGE_LIMIT,
    bounded,
    pull_failure,
    translated,
)
from processing_emulator.errors import RuntimeFailure, RuntimeUnavailable

REFERENCE = "registry.example:5000/team/image:1"
MANIFEST_UNKNOWN = f"API error (404): manifest for {REFERENCE} not found: manifest unknown: Requested image not found"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"manifest for {REFERENCE} not found: manifest unknown: manifest unknown", MANIFEST_UNKNOWN),
        (f'failed to resolve reference "{REFERENCE}": {REFERENCE}: not found', MANIFEST_UNKNOWN),
        (
            "pull access denied for foo, repository does not exist or may require 'docker login': denied",
            CANNOT_PULL,
        ),
        ('Head "http://127.0.0.1:5902/v2/small/manifests/1": no basic auth credentials', CANNOT_PULL),
        ('Head "https://x/v2/a/manifests/1": unauthorized: authentication required', CANNOT_PULL),
        ("repository x not found: name unknown: The repository with name 'x' does not exist", CANNOT_PULL),
    ],
)
def test_refused_pull_has_the_service_s_message(text: str, said: str) -> None:
    assert str(pull_failure(REFERENCE, "registry.example:5000", text)) == said


@pytest.mark.parametrize(
    "text",
    [
        'Get "https://x/v2/": dial tcp: lookup x on 10.0.0.1:53: no such host',
        'Get "http://x/v2/": dial tcp 127.0.0.1:5999: connect: connection refused',
        'Get "https://x/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded)',
        'Get "https://x/v2/": net/http: TLS handshake timeout',
        'Get "https://x/v2/": x509: certificate signed by unknown authority',
        'Get "https://x/v2/": context deadline exceeded',
        'Get "https://x/v2/": http: server gave HTTP response to HTTPS client',
        'Get "https://x/v2/": EOF',
    ],
)
def test_unreachable_registry_is_named_with_a_hint(text: str) -> None:
    said = str(pull_failure(REFERENCE, "registry.example:5000", text))

    assert said.startswith(f"{CANNOT_PULL} (registry.example:5000 cannot be reached: Get ")
    assert said.endswith('load the image with "docker load" or "docker pull" first)')


def test_other_reasons_follow_the_service_s_message() -> None:
    said = str(pull_failure(REFERENCE, "registry.example:5000", "toomanyrequests: you have reached your limit"))

    assert said == f"{CANNOT_PULL} (toomanyrequests: you have reached your limit)"


class _At:
    address = "unix:///run/engine.sock"


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (FileNotFoundError(2, "x"), "No Docker engine answers at unix:///run/engine.sock: start it"),
        (ConnectionRefusedError(111, "x"), "No Docker engine answers at unix:///run/engine.sock: start it"),
        (PermissionError(13, "x"), 'run "sudo usermod -aG docker \\$USER" and log in again'),
        (ConnectionResetError(104, "reset"), "went away while it was to inspect"),
    ],
)
def test_unreachable_engine_is_reported_with_a_hint(cause: OSError, sentence: str) -> None:
    wrapped = requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", cause))

    with pytest.raises(RuntimeUnavailable, match=sentence) as raised, translated(_At(), "inspect", 30.0):
        raise wrapped

    assert raised.value.__cause__ is wrapped


def test_timeout_is_named() -> None:
    with (
        pytest.raises(RuntimeUnavailable, match="did not inspect within 30 s"),
        translated(_At(), "inspect", 30.0),
    ):
        raise requests.ReadTimeout


def test_our_own_errors_pass_unchanged() -> None:
    ours = RuntimeFailure("as it was")

    with pytest.raises(RuntimeFailure) as raised, translated(_At(), "inspect", 30.0):
        raise ours

    assert raised.value is ours


def test_messages_become_one_truncated_line() -> None:
    assert bounded("a\n  b\tc") == "a b c"
    assert len(bounded("x" * 10_000)) == MESSAGE_LIMIT
    long = bounded("beginning " + "x" * 10_000 + " the cause")
    assert long.startswith("beginning ")
    assert long.endswith(" the cause")
