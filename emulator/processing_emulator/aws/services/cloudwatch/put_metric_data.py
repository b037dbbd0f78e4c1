"""PutMetricData."""

from collections.abc import Iterator, Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.operation import Handler
from processing_emulator.domain.metric_data import Namespace, datum_from
from processing_emulator.errors import InvalidParameterValue, MissingParameter
from processing_emulator.ports import Clock, MetricStore

MOST_DATA = 1000
"""In one request."""

_RESERVED = "AWS/"


def put_metric_data(store: MetricStore, clock: Clock) -> Handler:
    """The handler. Data of entities are stored as the others are; entities themselves are not kept."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> None:
        members = dict(_members(request))
        if not members:
            raise MissingParameter("The parameter MetricData is required.")
        if len(members) > MOST_DATA:
            raise InvalidParameterValue(
                f"The collection MetricData must not have a size greater than {MOST_DATA:,}; it has {len(members):,}."
            )
        if "\0" in request["Namespace"]:
            raise InvalidParameterValue("The value for parameter Namespace has a control character.")
        if request["Namespace"].startswith(_RESERVED):
            raise InvalidParameterValue(
                f"The value {request['Namespace']} for parameter Namespace is invalid: {_RESERVED} is reserved."
            )
        namespace = Namespace(context.account, context.region, request["Namespace"])
        store.put([datum_from(member, place, namespace, clock.now()) for place, member in members.items()])

    return handle


def _members(request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, member in enumerate(request.get("MetricData", ()), 1):
        yield f"MetricData.member.{number}", member
    for entity_number, entity in enumerate(request.get("EntityMetricData", ()), 1):
        for number, member in enumerate(entity.get("MetricData", ()), 1):
            yield f"EntityMetricData.member.{entity_number}.MetricData.member.{number}", member
