"""Pages of jobs, and the opaque tokens that join them. A token continues only the query that it was given for."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from processing_emulator.domain.job import ProcessingJob
from processing_emulator.domain.page_token import pack, unpack
from processing_emulator.domain.phase import ProcessingJobStatus
from processing_emulator.errors import ValidationFailed
from processing_emulator.ports import JobPosition, JobQuery, JobReader, SortBy

DEFAULT_PAGE_SIZE = 10
"""MaxResults of a request that names none (spec 1.5)."""

_TOKEN_PURPOSE = b"ListProcessingJobs.2"
_JOB_NAME = re.compile("[a-zA-Z0-9-]{1,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedJobs:
    """One page; `next_token` is None after the last job."""

    jobs: Sequence[ProcessingJob]
    next_token: str | None


class JobListing:
    """Lists the jobs of an account and region."""

    def __init__(self, *, store: JobReader) -> None:
        self._store = store

    def page(self, query: JobQuery, token: str | None = None) -> ListedJobs:
        """One page of `query`, after the page that gave `token`. Later pages may have another size.

        Raises ValidationFailed for a token that was not given for this query.
        """
        after = _open(token, query) if token else None
        page = self._store.list_page(replace(query, after=after))
        return ListedJobs(jobs=page.jobs, next_token=seal(page.last, query) if page.last is not None else None)


def seal(after: JobPosition, query: JobQuery) -> str:
    """The token of a page that ended there."""
    return pack([_seal_of(after, query), *after])


def _open(token: str, query: JobQuery) -> JobPosition:
    try:
        seal, *after = unpack(token)
    except ValueError as error:
        raise _wrong_token() from error
    if seal != _seal_of(after, query) or not _is_position(after, query.sort_by):
        raise _wrong_token()
    return tuple(after)


def _is_position(after: Sequence[str | int], sort_by: SortBy) -> bool:
    """The seal is no secret, so a client can seal anything."""
    match [sort_by, *after]:
        case [SortBy.NAME, str() as name, job_id] if _JOB_NAME.fullmatch(name):
            numbers = [job_id]
        case [SortBy.CREATION_TIME, at_ms, job_id]:
            numbers = [at_ms, job_id]
        case [SortBy.STATUS, str() as status, at_ms, job_id] if status in set(ProcessingJobStatus):
            numbers = [at_ms, job_id]
        case [SortBy.ID, job_id]:
            numbers = [job_id]
        case _:
            return False
    return all(isinstance(number, int) for number in numbers)


def _seal_of(after: Sequence[str | int], query: JobQuery) -> str:
    """A digest that ties a position to its query; the number of results is not part of it."""
    bound = json.dumps(
        [
            query.account,
            query.region,
            query.sort_by,
            query.descending,
            query.name_contains,
            query.status,
            *(
                moment.isoformat() if moment is not None else None
                for moment in (
                    query.created_after,
                    query.created_before,
                    query.modified_after,
                    query.modified_before,
                )
            ),
            *after,
        ]
    )
    return blake2b(bound.encode(), key=_TOKEN_PURPOSE, digest_size=16).hexdigest()


def _wrong_token() -> ValidationFailed:
    return ValidationFailed("The NextToken is not valid for this request")
