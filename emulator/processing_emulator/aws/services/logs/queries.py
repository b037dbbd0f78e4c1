"""StartQuery, GetQueryResults, StopQuery and DescribeQueries: Logs Insights, as far as its language is known here."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.logs.group_and_stream_members import group_identified
from processing_emulator.aws.services.operation import Handler
from processing_emulator.domain.log_names import LogGroupKey
from processing_emulator.errors import QueryMalformed, ValidationFailed
from processing_emulator.logs.page_tokens import LATEST_MS, open_page, seal_page, wrong_token
from processing_emulator.logs.queries import LogQueries, LogQuery, QueryRequest

MOST_ITEMS: Final = 10_000
"""Rows of a page of results."""

MOST_LISTED: Final = 1000

_LARGEST_SECONDS: Final = 10**11
"""Clients that pass milliseconds instead of seconds are understood, as in the service."""


def query_handlers(queries: LogQueries) -> Mapping[str, Handler]:
    """The handlers by operation."""
    return {
        "StartQuery": _start_query(queries),
        "GetQueryResults": _get_query_results(queries),
        "StopQuery": _stop_query(queries),
        "DescribeQueries": _describe_queries(queries),
    }


def _start_query(queries: LogQueries) -> Handler:
    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        language = request.get("queryLanguage", "CWLI")
        if language != "CWLI":
            raise QueryMalformed(f"the query language {language} is not supported by the emulator; CWLI is")
        start_ms, end_ms = _milliseconds(request["startTime"]), _milliseconds(request["endTime"])
        if start_ms > end_ms:
            raise ValidationFailed("The start of the time range is after its end.")
        query = queries.start(
            QueryRequest(
                groups=_groups(context, request),
                text=request["queryString"],
                start_ms=start_ms,
                end_ms=end_ms + 1,
                limit=request.get("limit"),
            )
        )
        return {"queryId": query.id}

    return handle


def _milliseconds(seconds: int) -> int:
    return min(seconds if seconds >= _LARGEST_SECONDS else seconds * 1000, LATEST_MS)


def _groups(context: RequestContext, request: Mapping[str, Any]) -> Sequence[LogGroupKey]:
    members = ("logGroupName", "logGroupNames", "logGroupIdentifiers")
    given = [request[member] for member in members if member in request]
    if len(given) != 1 or not given[0]:
        raise ValidationFailed(f"Exactly one of {', '.join(members)} must be specified.")
    named = [given[0]] if isinstance(given[0], str) else given[0]
    return [group_identified(context, name) for name in named]


def _get_query_results(queries: LogQueries) -> Handler:
    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        query = queries.find(context.account, context.region, request["queryId"])
        status, rows = query.status, query.rows
        first = _first(request, query) if "nextToken" in request else 0
        end = first + (request.get("maxItems") or MOST_ITEMS)
        return present(
            queryLanguage="CWLI",
            status=status,
            results=[[{"field": name, "value": value} for name, value in row] for row in rows[first:end]],
            statistics=_statistics(query),
            nextToken=seal_page([end], [query.id]) if end < len(rows) else None,
        )

    return handle


def _first(request: Mapping[str, Any], query: LogQuery) -> int:
    match open_page(request["nextToken"], [query.id]):
        case [int(first)] if first >= 0:
            return first
    raise wrong_token()


def _statistics(query: LogQuery) -> Mapping[str, float]:
    return {
        "recordsMatched": float(query.matched),
        "recordsScanned": float(query.scanned),
        "bytesScanned": float(query.scanned_bytes),
        "logGroupsScanned": float(len(set(query.request.groups))),
    }


def _stop_query(queries: LogQueries) -> Handler:
    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        queries.stop(context.account, context.region, request["queryId"])
        return {"success": True}

    return handle


def _describe_queries(queries: LogQueries) -> Handler:
    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        if "nextToken" in request:
            raise wrong_token()
        found = [query for query in queries.described(context.account, context.region) if _is_asked_for(query, request)]
        return {"queries": [_info(query) for query in found[: request.get("maxResults", MOST_LISTED)]]}

    return handle


def _is_asked_for(query: LogQuery, request: Mapping[str, Any]) -> bool:
    names = [group.name for group in query.request.groups]
    return (
        request.get("status", query.status) == query.status
        and request.get("logGroupName", names[0]) in names
        and request.get("queryLanguage", "CWLI") == "CWLI"
    )


def _info(query: LogQuery) -> Mapping[str, object]:
    return {
        "queryLanguage": "CWLI",
        "queryId": query.id,
        "queryString": query.request.text,
        "status": query.status,
        "createTime": query.created_at_ms,
        "logGroupName": query.request.groups[0].name,
    }
