"""The credentials of a container where signatures are checked: a session of the job's role."""

from typing import Final

from processing_emulator.aws.signatures.session_tokens import SessionTokenIssuer
from processing_emulator.domain.container_contract import SessionIssuer, TemporaryKeys
from processing_emulator.domain.job import JobKey
from processing_emulator.domain.spec import JobSpec
from processing_emulator.ports import Clock

SESSION_NAME: Final = "SageMaker"
"""The session name that the service uses for its jobs."""

_MARGIN_SECONDS: Final = 3600
"""For the time before the run limit begins, and after it has ended."""


def session_issuer(session_tokens: SessionTokenIssuer, clock: Clock) -> SessionIssuer:
    """Sessions belong to the job's account, whatever account the role's ARN names, so that the job can find itself."""

    def issue(key: JobKey, spec: JobSpec) -> TemporaryKeys:
        return session_tokens.issue(
            account=key.account,
            role=spec.role_arn.rpartition("/")[2],
            session=SESSION_NAME,
            now=clock.now(),
            lifetime_seconds=spec.max_runtime_seconds + _MARGIN_SECONDS,
        )

    return issue
