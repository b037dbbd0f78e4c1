"""Creating and deleting log groups and streams, and the retention of groups. All answer with an empty body."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.logs.group_and_stream_members import own_group
from processing_emulator.aws.services.operation import Handler
from processing_emulator.errors import Unsupported
from processing_emulator.logs.writing import LogWriting
from processing_emulator.ports.logs import STANDARD_CLASS


def group_handlers(writing: LogWriting) -> Mapping[str, Handler]:
    """The handlers by operation."""
    return {
        "CreateLogGroup": _create_log_group(writing),
        "DeleteLogGroup": lambda context, request: writing.delete_group(own_group(context, request)),
        "CreateLogStream": (
            lambda context, request: writing.create_stream(own_group(context, request), request["logStreamName"])
        ),
        "DeleteLogStream": (
            lambda context, request: writing.delete_stream(own_group(context, request), request["logStreamName"])
        ),
        "PutRetentionPolicy": (
            lambda context, request: writing.set_retention(own_group(context, request), request["retentionInDays"])
        ),
        "DeleteRetentionPolicy": (lambda context, request: writing.set_retention(own_group(context, request), None)),
    }


def _create_log_group(writing: LogWriting) -> Handler:
    def handle(context: RequestContext, request: Mapping[str, Any]) -> None:
        if "kmsKeyId" in request:
            raise Unsupported("kmsKeyId is not supported by the emulator: nothing is encrypted with KMS keys here")
        if request.get("deletionProtectionEnabled"):
            raise Unsupported("deletionProtectionEnabled is not supported by the emulator")
        log_class = request.get("logGroupClass", STANDARD_CLASS)
        writing.create_group(own_group(context, request), request.get("tags", {}), log_class)

    return handle
