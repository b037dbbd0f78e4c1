"""The tree of everything that can go wrong. Adapters translate SDK exceptions into these; the edge maps them to AWS's.

A failing *job* is not an exception by the time it leaves its supervisor: it is an outcome (`domain.outcome`).
"""


class EmulatorError(Exception):
    """Root of every error of ours."""


# --- what the caller did ---------------------------------------------------------------------------------


class RequestError(EmulatorError):
    """The caller's doing; becomes an AWS 4xx answer.

    `log_text` is the message as it may stand in the server's log: without values of the request that may be secrets.
    """

    def __init__(self, message: str = "", *, log_text: str | None = None) -> None:
        super().__init__(message)
        self.log_text = message if log_text is None else log_text


class ValidationFailed(RequestError):
    """The request breaks a rule of the service; the text is the service's own."""


class JobNotFound(RequestError):
    """No job of that name in this account and region."""


class JobNameInUse(RequestError):
    """The name was used before; names are compared without case and never reused while the job is stored."""


class JobNotStoppable(RequestError):
    """The job is past stopping."""


class JobNotDeletable(RequestError):
    """The job has not ended yet."""


class TaggedResourceNotFound(RequestError):
    """No resource of that ARN can be tagged here."""


class LogNotFound(RequestError):
    """No log group or log stream of that name in this account and region."""


class QuotaExceeded(RequestError):
    """The account has used up a quota; the text is the service's own."""


class Unsupported(RequestError):
    """The service knows this option, the emulator does not (yet); the text names it."""


class UnknownOperation(RequestError):
    """No such operation, or one that the emulator does not have."""


class MalformedBody(RequestError):
    """The body is not what the protocol asks for."""


# --- the container engine --------------------------------------------------------------------------------


class RuntimeFailure(EmulatorError):
    """The container engine could not do what was asked."""


class RuntimeUnavailable(RuntimeFailure):
    """The engine does not answer."""


class ImageNotFound(RuntimeFailure):
    """The image is not here, and its registry does not have it or cannot be reached."""


class ContainerGone(RuntimeFailure):
    """The container does not exist any more."""


class StartRejected(RuntimeFailure):
    """The engine refused to start the container: `exit_code` is what a shell would report (126, 127)."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


# --- staging ---------------------------------------------------------------------------------------------


class StagingFailure(EmulatorError):
    """Data could not be brought to or from the object store. The text says which object or prefix."""


class ObjectStoreRefused(StagingFailure):
    """The store answered with an error: `code` is S3's (NoSuchBucket, AccessDenied, ...), `status` HTTP's."""

    def __init__(self, message: str, *, code: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class ObjectStoreUnreachable(StagingFailure):
    """The store does not answer, after retries."""


class DiskFull(StagingFailure):
    """No room on the disk, or the job's volume is used up."""


class UnsafePath(StagingFailure):
    """A key or a file whose name would leave its folder, or cannot be a file or key at all."""


class Cancelled(EmulatorError):
    """Work was given up because somebody asked for it; never an error by itself."""


# --- the start -------------------------------------------------------------------------------------------


class StartFailure(EmulatorError):
    """The server cannot start with what it was given: a seed, an init directory. The text says what to mend."""


class HookFailed(EmulatorError):
    """A script of the user did not end well."""


# --- the stores ------------------------------------------------------------------------------------------


class StoreFailure(EmulatorError):
    """The database could not do what was asked."""


class StaleJob(StoreFailure):
    """The job was not in the expected phase: somebody else moved it."""


class InternalBug(EmulatorError):
    """An invariant of ours broke; never caught below the edge."""
