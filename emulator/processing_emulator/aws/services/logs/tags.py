"""Tags of log groups: by ARN, and in the older form by name, which CDK still calls."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.logs.group_and_stream_members import group_of_arn, own_group
from processing_emulator.aws.services.operation import Handler
from processing_emulator.domain.log_names import LogGroupKey
from processing_emulator.logs.writing import LogWriting


def tag_handlers(writing: LogWriting) -> Mapping[str, Handler]:
    """The handlers by operation."""
    return {
        "TagResource": lambda context, request: writing.add_tags(_resource(context, request), request["tags"]),
        "UntagResource": lambda context, request: writing.remove_tags(_resource(context, request), request["tagKeys"]),
        "ListTagsForResource": lambda context, request: {"tags": writing.tags(_resource(context, request))},
        "TagLogGroup": lambda context, request: writing.add_tags(own_group(context, request), request["tags"]),
        "UntagLogGroup": lambda context, request: writing.remove_tags(own_group(context, request), request["tags"]),
        "ListTagsLogGroup": lambda context, request: {"tags": writing.tags(own_group(context, request))},
    }


def _resource(context: RequestContext, request: Mapping[str, Any]) -> LogGroupKey:
    return group_of_arn(context, request["resourceArn"])
