"""All exceptions of the emulator. Adapters translate those of SDKs into these; the gateway maps them to AWS errors.

A failing *job* is not an exception by the time it leaves its supervisor: it is an outcome (`domain.outcome`).
"""


class EmulatorError(Exception):
    """The base of all of them."""


# --- requests of clients ---------------------------------------------------------------------------------


class RequestError(EmulatorError):
    """The client made a mistake; becomes an AWS 4xx response.

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
    """The job has ended, or is being stopped already."""


class JobNotDeletable(RequestError):
    """The job has not ended yet."""


class JobNotKept(RequestError):
    """The job's containers and files are not there any more, or were never kept."""


class TaggedResourceNotFound(RequestError):
    """No resource of that ARN can be tagged here."""


class LogNotFound(RequestError):
    """No log group or log stream of that name in this account and region."""


class LogExists(RequestError):
    """There is a log group or log stream of that name already."""


class QueryMalformed(RequestError):
    """The text of a query cannot be read, or asks for what the emulator does not have."""


class TooManyQueries(RequestError):
    """As many queries run as may run at once."""


class TooManyTags(RequestError):
    """The resource would have more tags than the service allows."""


class InvalidParameterValue(RequestError):
    """CloudWatch does not take a parameter's value."""


class InvalidParameterCombination(RequestError):
    """CloudWatch does not take parameters with one another."""


class MissingParameter(RequestError):
    """A parameter that CloudWatch needs is not there."""


class InvalidNextToken(RequestError):
    """The token continues no request of GetMetricData."""


class InvalidEventPattern(RequestError):
    """The text is no pattern of EventBridge, or one with a part that the emulator does not have."""


class EventResourceNotFound(RequestError):
    """No rule or event bus of that name in this account and region."""


class EventLimitExceeded(RequestError):
    """A rule would have more targets than the service allows."""


class QuotaExceeded(RequestError):
    """The request would exceed a quota; the text is the service's own."""


class Unsupported(RequestError):
    """The service supports this option, the emulator does not yet; the text names it."""


class UnknownOperation(RequestError):
    """No such operation, or one that the emulator does not support."""


class MalformedBody(RequestError):
    """The body breaks the wire protocol."""


# --- the container engine --------------------------------------------------------------------------------


class RuntimeFailure(EmulatorError):
    """The container engine reported an error."""


class RuntimeUnavailable(RuntimeFailure):
    """The engine does not answer."""


class NoFreeSubnet(RuntimeFailure):
    """The engine has no free subnet for a network now; one is free when another network is removed."""


class ImageNotFound(RuntimeFailure):
    """The image is not on this machine, and its registry does not have it or cannot be reached."""


class NotAnImageName(ImageNotFound):
    """The text cannot be the name of an image, so no registry was asked."""


class ContainerGone(RuntimeFailure):
    """The container does not exist any more."""


class ContainerNotStarted(RuntimeFailure):
    """The engine could not start this container and may start another: a fault of the engine that can pass."""


class StartRejected(RuntimeFailure):
    """The image or the request is wrong: `exit_code` is what a shell would report (125, 126, 127)."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


# --- staging ---------------------------------------------------------------------------------------------


class StagingFailure(EmulatorError):
    """A download or upload failed. The text names the object or prefix."""


class ObjectStoreRefused(StagingFailure):
    """The store answered with an error: `code` is S3's (NoSuchBucket, AccessDenied, ...), `status` HTTP's."""

    def __init__(self, message: str, *, code: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class ObjectStoreUnreachable(StagingFailure):
    """The store does not answer, after retries."""


class DiskFull(StagingFailure):
    """The disk is full, or the job's volume."""


class UnsafePath(StagingFailure):
    """A key or file whose name would leave its folder, or is not possible as a file or key."""


class Cancelled(EmulatorError):
    """Work was cancelled on request."""


class QueryTooLarge(EmulatorError):
    """A query of logs needs more memory than it may take."""


# --- the start -------------------------------------------------------------------------------------------


class StartFailure(EmulatorError):
    """The seed, the init directory or the price table is wrong, so that the server cannot start.

    The text says what to correct.
    """


class HookFailed(EmulatorError):
    """A script of the user failed."""


# --- events ---------------------------------------------------------------------------------------------


class DeliveryFailed(EmulatorError):
    """A receiver has not taken an event. `is_final`: it never will."""

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


# --- the stores ------------------------------------------------------------------------------------------


class StoreFailure(EmulatorError):
    """The database reported an error."""


class StoreFull(StoreFailure):
    """The disk of the database is full."""


class StoreLost(StoreFailure):
    """The database that is open is not the one on the disk any more: what it stores would be gone at the next start."""


class StaleJob(StoreFailure):
    """The job was not in the expected phase; another thread or process moved it."""


class InternalBug(EmulatorError):
    """An invariant of the emulator broke; only the outermost loops catch it."""
