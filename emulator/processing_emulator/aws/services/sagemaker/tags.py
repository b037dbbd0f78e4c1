"""AddTags, ListTags and DeleteTags (spec 1.10): one small module, because they share everything but a verb."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.operation import Handler
from processing_emulator.errors import ValidationFailed
from processing_emulator.jobs.tags import JobTags


def add_tags(tags: JobTags) -> Handler:
    """The handler of AddTags; answers with all tags of the resource."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        return _shown(tags.put(context.account, context.region, request["ResourceArn"], request["Tags"]))

    return handle


def list_tags(tags: JobTags) -> Handler:
    """The handler of ListTags. A page holds at least 50 and a resource at most 50: there is no second page."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        if request.get("NextToken"):
            raise ValidationFailed("The NextToken is not valid for this request")
        return _shown(tags.list(context.account, context.region, request["ResourceArn"]))

    return handle


def delete_tags(tags: JobTags) -> Handler:
    """The handler of DeleteTags; answers with an empty structure."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        tags.remove(context.account, context.region, request["ResourceArn"], request["TagKeys"])
        return {}

    return handle


def _shown(tags: Mapping[str, str]) -> Mapping[str, object]:
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
