"""A job as the real service would see it, and what there is to say about it there."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from processing_emulator.domain.default_account import DEFAULT_ACCOUNT
from processing_emulator.domain.job import JobEvent, JobKey, Limits

EXAMPLE_ACCOUNTS: Final = frozenset({DEFAULT_ACCOUNT, "111111111111", "111122223333", "123456789012"})
"""Accounts of documentation and of emulators."""

ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>[0-9]{12}):role/?(?P<name>.+)")
"""The ARN of a role, with `partition`, `account` and `name`."""


class Verdict(StrEnum):
    """What a finding means for a run in the cloud."""

    REFUSED = "refused"
    """The service refuses the request, or the job fails."""
    NEEDED = "needed"
    """Something must exist or be allowed there, which cannot be seen from here."""
    DIFFERS = "differs"
    """It runs there, but not as it ran here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to know. `rule` is a stable name, `member` where it is in the request; empty if nowhere."""

    rule: str
    verdict: Verdict
    member: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudJob:
    """What is judged: a valid request, its tags, and what is known of its run here, if there was one."""

    key: JobKey
    request: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    limits: Sequence[Limits] = ()
    events: Sequence[JobEvent] = ()

    @property
    def account(self) -> str:
        """The account that it would run in: the role's, unless the job already has one that is no placeholder."""
        match = ROLE.fullmatch(self.request.get("RoleArn", ""))
        return self.key.account if self.key.account != DEFAULT_ACCOUNT or match is None else match["account"]

    def is_foreign(self, account: str) -> bool:
        """Whether something belongs to another account; unknown, hence false, while the job's is a placeholder."""
        return account != self.account and self.account not in EXAMPLE_ACCOUNTS

    @property
    def image(self) -> str:
        """The URI of its image."""
        return str(self.request["AppSpecification"]["ImageUri"])

    @property
    def cluster(self) -> Mapping[str, Any]:
        """Its ClusterConfig."""
        cluster: Mapping[str, Any] = self.request["ProcessingResources"]["ClusterConfig"]
        return cluster

    def happened(self, action: str) -> Iterator[Mapping[str, Any]]:
        """The details of the events of that kind in its history."""
        return (event.detail for event in self.events if event.action == action)


def refused(rule: str, member: str, sentence: str) -> Finding:
    """The service refuses the request, or the job fails."""
    return Finding(rule=rule, verdict=Verdict.REFUSED, member=member, sentence=sentence)


def needed(rule: str, member: str, sentence: str) -> Finding:
    """Something must exist or be allowed there."""
    return Finding(rule=rule, verdict=Verdict.NEEDED, member=member, sentence=sentence)


def differs(rule: str, member: str, sentence: str) -> Finding:
    """It runs there in another way."""
    return Finding(rule=rule, verdict=Verdict.DIFFERS, member=member, sentence=sentence)
