"""Translates errors of docker-py and the engine into the project's errors."""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import docker.errors
import requests
import urllib3.exceptions

from processing_emulator.adapters.docker_runtime.engine_errors import PROGRAM, Fault, row_of
from processing_emulator.errors import (
    ContainerGone,
    ContainerNotStarted,
    ImageNotFound,
    RuntimeFailure,
    RuntimeUnavailable,
    StartRejected,
)

MESSAGE_LIMIT = 400
"""Longest part of an engine's message that we quote. A FailureReason has room for 1,024 characters in all."""

_TAIL = 150

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
_NO_PLATFORM = re.compile(r"no match(?:ing manifest)? for |does not match the specified platform", re.IGNORECASE)
_NO_MANIFEST = re.compile(r"manifest unknown|manifest for \S+ not found|: not found$", re.IGNORECASE)

_PROGRAM = re.compile(PROGRAM, re.DOTALL)
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
    """Turn what docker-py raises within into a RuntimeFailure or one of its kinds.

    `doing` completes "could not ..."; `seconds` is the timeout of the call.
    """
    try:
        yield
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
    return judged(str(error.explanation or error), error.status_code or 0, engine.address, doing)


def judged(text: str, status: int, address: str, doing: str) -> RuntimeFailure:
    """The error that an answer of the engine means, by the table in `engine_errors`."""
    row = row_of(text, status)
    said = f"{bounded(text)}; {row.advice}" if row.advice else bounded(text)
    match row.fault:
        case Fault.USER:
            return StartRejected(bounded(_useful(text)), row.exit_code)
        case Fault.CONTAINER:
            return ContainerNotStarted(f"The Docker engine could not {doing}: {said}")
        case Fault.AWAY:
            return RuntimeUnavailable(f"The Docker engine at {address} is not ready: {said}")
        case Fault.IMAGE:
            return ImageNotFound(manifest_unknown(bounded(text.rpartition("image: ")[2])))
        case Fault.GONE:
            return ContainerGone(said)
        case Fault.ENGINE:
            return RuntimeFailure(f"The Docker engine could not {doing}: {said}")


def _useful(text: str) -> str:
    """The part of a refusal that is about the user's program, without the names of the engine's layers."""
    program = _PROGRAM.search(text)
    return (program[0] if program else _OCI_PREFIXES.sub("", text)).removesuffix(": unknown")


def manifest_unknown(reference: str) -> str:
    """The service's sentence about an image that is not there (spec 1.8)."""
    return f"API error (404): manifest for {reference} not found: manifest unknown: Requested image not found"


def pull_failure(reference: str, registry: str, text: str) -> ImageNotFound:
    """A failed pull in the service's words (spec 1.8), followed by the cause where they do not state it."""
    if _UNREACHABLE.search(text):
        return ImageNotFound(
            f"{CANNOT_PULL} ({registry} cannot be reached: {bounded(text)}; "
            'load the image with "docker load" or "docker pull" first)'
        )
    if _DENIED.search(text):
        return ImageNotFound(CANNOT_PULL)
    if _NO_PLATFORM.search(text):
        other = "the registry has it for other platforms; the setting IMAGE_PLATFORM names the one to run"
        return ImageNotFound(f"{manifest_unknown(reference)} ({other}: {bounded(text)})")
    if _NO_MANIFEST.search(text):
        return ImageNotFound(manifest_unknown(reference))
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
