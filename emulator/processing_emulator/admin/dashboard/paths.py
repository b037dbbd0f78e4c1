"""Addresses of the dashboard's pages and of the documents that its scripts read."""

from urllib.parse import quote, urlencode

from processing_emulator.admin_prefix import ADMIN_PREFIX
from processing_emulator.domain.job import JobKey

DASHBOARD = "/dashboard"
"""Below the prefix of the emulator's own endpoints; the list of jobs is at the prefix itself."""


def job_path(key: JobKey, part: str = "", /, **query: str | int) -> str:
    """The page of a job, or a part of it."""
    return _of_job(f"{ADMIN_PREFIX}{DASHBOARD}/jobs", key, part, query)


def document_path(key: JobKey, part: str = "", /, **query: str | int) -> str:
    """The JSON of a job, or a part of it, such as `logs`."""
    return _of_job(f"{ADMIN_PREFIX}/jobs", key, part, query)


def list_path(**query: str | int | None) -> str:
    """The list of jobs, with the filters that are given."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{ADMIN_PREFIX}/?{urlencode(given)}" if given else f"{ADMIN_PREFIX}/"


def _of_job(prefix: str, key: JobKey, part: str, query: dict[str, str | int]) -> str:
    where = {"account": key.account, "region": key.region, **query}
    return f"{prefix}/{quote(key.name, safe='')}{f'/{part}' if part else ''}?{urlencode(where)}"
