"""Translates errors of docker-py and the engine into the project's errors. Only this module reads their messages."""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import docker.errors
import requests
import urllib3.exceptions

from processing_emulator.errors import ContainerGone, ImageNotFound, RuntimeFailure, RuntimeUnavailable, StartRejected

MESSAGE_LIMIT = 400
"""Longest part of an engine's message that we quote. A FailureReason has room for 1,024 characters in all."""

_TAIL = 150

NOT_EXECUTABLE = 126
NOT_FOUND = 127
REFUSED = 125
"""The exit codes that a shell and the docker command report for a program that did not start."""

CANNOT_PULL = "Cannot pull algorithm container. Either the image does not exist or its permissions are incorrect."
"""The service's own sentence (spec 1.8)."""

_UNREACHABLE = re.compile(
    r"dial tcp|no such host|i/o timeout|connection re(fused|set)|network is unreachable|no route to host|"
    r"TLS handshake|x509:|deadline exceeded|Client\.Timeout|server gave HTTP response|proxyconnect|\bEOF\b",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"denied|unauthorized|authentication required|no basic auth credentials|repository does not exist|name unknown|"
    r"authorization failed|insufficient_scope",
    re.IGNORECASE,
)
_NO_MANIFEST = re.compile(r"manifest unknown|manifest for \S+ not found|: not found$", re.IGNORECASE)

_NO_PROGRAM = re.compile(r"executable file not found|no such file or directory", re.IGNORECASE)
_NO_PERMISSION = re.compile(r"permission denied|exec format error|is a directory", re.IGNORECASE)
_OCI_PREFIXES = re.compile(
    r"^.*(?:OCI runtime create failed: |runc create failed: |unable to start container process: )", re.DOTALL
)

TRANSPORT_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
"""What the HTTP layers raise when the engine does not answer or the connection breaks."""


class Addressed(Protocol):
    """An engine with an address."""

    @property
    def address(self) -> str:
        """For error messages."""
        ...


@contextmanager
def translated(engine: Addressed, doing: str, seconds: float) -> Iterator[None]:
    """Turn what docker-py raises within into RuntimeUnavailable, ContainerGone, ImageNotFound or RuntimeFailure.

    `doing` completes "could not ..."; `seconds` is the timeout of the call.
    """
    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise ImageNotFound(explanation(error)) from error
    except docker.errors.APIError as error:
        raise _of_answer(engine, doing, error) from error
    except TRANSPORT_ERRORS as error:
        raise RuntimeUnavailable(_why_unavailable(engine.address, doing, seconds, error)) from error
    except docker.errors.DockerException as error:
        cause = error.__cause__
        if isinstance(cause, TRANSPORT_ERRORS):
            raise RuntimeUnavailable(_why_unavailable(engine.address, doing, seconds, cause)) from error
        raise RuntimeFailure(
            f"The Docker engine at {engine.address} could not {doing}: {bounded(str(error))}"
        ) from error
    except docker.errors.StreamParseError as error:
        raise RuntimeUnavailable(f"The Docker engine at {engine.address} broke off its answer: {error}") from error


def _of_answer(engine: Addressed, doing: str, error: docker.errors.APIError) -> RuntimeFailure:
    text = explanation(error)
    if error.status_code == 404 and "no such container" in text.lower():
        return ContainerGone(text)
    if error.status_code in (502, 503, 504):
        return RuntimeUnavailable(f"The Docker engine at {engine.address} is not ready: {text}")
    return RuntimeFailure(f"The Docker engine could not {doing}: {text}")


@contextmanager
def refusals() -> Iterator[None]:
    """Within `translated`: turn the engine's objections to a container's configuration into StartRejected.

    A taken name, a missing container or image, and an engine that is not ready are errors of other kinds.
    """
    try:
        yield
    except docker.errors.ImageNotFound:
        raise
    except docker.errors.APIError as error:
        text = explanation(error)
        missing = error.status_code == 404 and "no such container" in text.lower()
        if missing or error.status_code in (409, 502, 503, 504):
            raise
        raise start_rejection(text) from error


def start_rejection(text: str) -> StartRejected:
    """The useful part of the engine's message, and the exit code a shell would report."""
    program = re.search(r"exec: \"(?:[^\"\\]|\\.)*\": .*", text, re.DOTALL)
    useful = (program[0] if program else _OCI_PREFIXES.sub("", text)).removesuffix(": unknown")
    code = REFUSED
    if program and _NO_PROGRAM.search(useful):
        code = NOT_FOUND
    elif program and _NO_PERMISSION.search(useful):
        code = NOT_EXECUTABLE
    return StartRejected(bounded(useful), code)


def pull_failure(reference: str, registry: str, text: str) -> ImageNotFound:
    """A failed pull in the service's words (spec 1.8), followed by the cause where they do not state it."""
    if _UNREACHABLE.search(text):
        return ImageNotFound(
            f"{CANNOT_PULL} ({registry} cannot be reached: {bounded(text)}; "
            'load the image with "docker load" or "docker pull" first)'
        )
    if _DENIED.search(text):
        return ImageNotFound(CANNOT_PULL)
    if _NO_MANIFEST.search(text):
        return ImageNotFound(
            f"API error (404): manifest for {reference} not found: manifest unknown: Requested image not found"
        )
    return ImageNotFound(f"{CANNOT_PULL} ({bounded(text)})")


def explanation(error: docker.errors.APIError) -> str:
    """The message of the engine."""
    return bounded(str(error.explanation or error))


def bounded(text: str) -> str:
    """One line of at most MESSAGE_LIMIT characters. The middle is dropped, because the cause often comes last."""
    line = " ".join(text.split())
    if len(line) <= MESSAGE_LIMIT:
        return line
    return f"{line[: MESSAGE_LIMIT - _TAIL - 3]}...{line[-_TAIL:]}"


def is_timeout(error: BaseException) -> bool:
    """Whether the engine sent nothing in time."""
    return any(isinstance(cause, requests.Timeout | TimeoutError) for cause in _causes(error))


def _why_unavailable(address: str, doing: str, seconds: float, error: BaseException) -> str:
    causes = tuple(_causes(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        return (
            f"The Docker engine at {address} may not be used by this user: "
            'run "sudo usermod -aG docker $USER" and log in again'
        )
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        return (
            f'No Docker engine answers at {address}: start it ("sudo systemctl start docker", or Docker Desktop), '
            "or name another one with DOCKER_HOST"
        )
    if is_timeout(error):
        return (
            f"The Docker engine at {address} did not {doing} within {seconds:g} s: "
            'look into its log ("journalctl -u docker") and restart it'
        )
    return f"The Docker engine at {address} went away while it was to {doing} ({bounded(str(causes[-1]))})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes; requests and urllib3 keep theirs among the arguments."""
    seen: list[BaseException] = [error]
    for current in seen:
        yield current
        inner = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        seen.extend(item for item in inner if isinstance(item, BaseException) and item not in seen)
