"""ListTagsForResource, TagResource and UntagResource, of alarms: nothing else of CloudWatch is tagged here."""

from collections.abc import Mapping
from typing import Any, Final

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.operation import Handler
from processing_emulator.errors import InvalidParameterValue, TaggedResourceNotFound
from processing_emulator.ports import Alarm, AlarmKey, AlarmStore

MOST_TAGS: Final = 50


def list_tags_for_resource(store: AlarmStore) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        tags = _tagged(store, context, request["ResourceARN"]).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    return handle


def tag_resource(store: AlarmStore) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        added = {tag["Key"]: tag["Value"] for tag in request["Tags"]}

        def edit(tags: Mapping[str, str]) -> Mapping[str, str]:
            edited = {**tags, **added}
            if len(edited) > MOST_TAGS:
                raise InvalidParameterValue(f"A resource has at most {MOST_TAGS} tags.")
            return edited

        store.edit_alarm_tags(_tagged(store, context, request["ResourceARN"]).key, edit)
        return {}

    return handle


def untag_resource(store: AlarmStore) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        def edit(tags: Mapping[str, str]) -> Mapping[str, str]:
            return {key: value for key, value in tags.items() if key not in request["TagKeys"]}

        store.edit_alarm_tags(_tagged(store, context, request["ResourceARN"]).key, edit)
        return {}

    return handle


def _tagged(store: AlarmStore, context: RequestContext, arn: str) -> Alarm:
    """Raises TaggedResourceNotFound."""
    key = AlarmKey(context.account, context.region, arn.rpartition(":alarm:")[2])
    alarm = store.find_alarm(key) if key.arn == arn else None
    if alarm is None:
        raise TaggedResourceNotFound(f"{arn} does not exist")
    return alarm
